# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedSystemCall Medium "x", flags 0x8 or UnauthorizedSystemCall Medium execute "/proc/self/fd/3" or UnauthorizedFileAccess Medium execute "/proc/self/fd/3"; runs a memory file through /proc
import os
fd = os.memfd_create("x", 0x8)  # MFD_NOEXEC_SEAL
os.write(fd, open("/usr/bin/id", "rb").read())
os.execv("/proc/self/fd/%d" % fd, ["id"])
