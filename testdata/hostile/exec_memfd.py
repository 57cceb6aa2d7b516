# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedSystemCall Medium "x", flags 0x1; runs a program from memory
import os
fd = os.memfd_create("x")
os.write(fd, open("/usr/bin/id", "rb").read())
os.execve(fd, ["id"], {})
print("ESCAPED")
