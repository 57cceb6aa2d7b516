# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedSystemCall High flags NEWUSER; clones into a new user namespace
# alone: filter
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)

def call(nr, *args):
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in args]
    if libc.syscall(ctypes.c_long(nr), *wide) >= 0:
        print("ESCAPED")
    sys.exit(1)

call(56, 0x10000011, 0, 0, 0, 0)
