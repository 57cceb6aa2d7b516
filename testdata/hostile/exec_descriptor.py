# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedSystemCall Medium; runs a program by its descriptor alone
import os
fd = os.open("/usr/bin/id", os.O_RDONLY)
import ctypes
libc = ctypes.CDLL(None)
libc.syscall(322, fd, b"", (ctypes.c_char_p * 2)(b"id", None), None, 0x1000)
raise SystemExit(1)
