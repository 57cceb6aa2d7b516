# maximum=denied! strict=denied! standard=denied! minimal=failed!; UnauthorizedSystemCall Critical; changes disk quotas
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)

def call(nr, *args):
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in args]
    if libc.syscall(ctypes.c_long(nr), *wide) >= 0:
        print("ESCAPED")
    sys.exit(1)

call(179, 0x800002 << 8, b"/dev/vda", 0, None)
