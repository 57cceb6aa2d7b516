# maximum=denied standard=failed: runs a program from memory
import os
fd = os.memfd_create("x")
os.write(fd, open("/usr/bin/id", "rb").read())
os.execve(fd, ["id"], {})
print("ESCAPED")
