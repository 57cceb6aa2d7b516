# maximum=denied! strict=failed! standard=failed! minimal=completed; UnauthorizedSystemCall Medium; shares memory by System V
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)

def call(nr, *args):
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in args]
    if libc.syscall(ctypes.c_long(nr), *wide) >= 0:
        sys.exit(0)
    sys.exit(1)

call(29, 0x1234, 4096, 0o1666)
