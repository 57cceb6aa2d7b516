# maximum=denied! strict=denied! standard=denied! minimal=denied!; UnauthorizedSystemCall Critical ended by SIGSYS: a system call through a foreign A; calls through the x32 ABI
# only: amd64
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)

def call(nr, *args):
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in args]
    if libc.syscall(ctypes.c_long(nr), *wide) >= 0:
        print("ESCAPED")
    sys.exit(1)

call(0x40000000 | 39)
