# maximum=denied! strict=failed! standard=completed minimal=completed; UnauthorizedSystemCall Medium flags of a fork; starts a process that borrows its memory
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)

def call(nr, *args):
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in args]
    if libc.syscall(ctypes.c_long(nr), *wide) >= 0:
        print("ESCAPED")
    sys.exit(1)

pid = libc.syscall(56, 0x11, 0, 0, 0, 0)
if pid == 0:
    import os
    os._exit(0)
sys.exit(0 if pid > 0 else 1)
