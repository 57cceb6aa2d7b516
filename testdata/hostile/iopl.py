# maximum=denied! strict=denied! standard=denied! minimal=failed!; UnauthorizedSystemCall Critical; takes the input and output ports
# only: amd64
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)

def call(nr, *args):
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in args]
    if libc.syscall(ctypes.c_long(nr), *wide) >= 0:
        print("ESCAPED")
    sys.exit(1)

call(172, 3)
