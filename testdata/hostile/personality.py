# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedSystemCall High; makes every mapping executable
# alone: filter
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)

def call(nr, *args):
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in args]
    if libc.syscall(ctypes.c_long(nr), *wide) >= 0:
        print("ESCAPED")
    sys.exit(1)

call(135, 0x0400000)
