# maximum=denied! strict=denied! standard=denied! minimal=failed!; UnauthorizedSystemCall Critical; takes one port
# only: amd64
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)

def call(nr, *args):
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in args]
    if libc.syscall(ctypes.c_long(nr), *wide) >= 0:
        print("ESCAPED")
    sys.exit(1)

call(173, 0x80, 1, 1)
