# maximum=denied! strict=denied! standard=denied! minimal=failed!; UnauthorizedSystemCall Critical; reads the kernel's log
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)

def call(nr, *args):
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in args]
    if libc.syscall(ctypes.c_long(nr), *wide) >= 0:
        print("ESCAPED")
    sys.exit(1)

call(103, 3, bytes(4096), 4096)
