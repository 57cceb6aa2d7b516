# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedSystemCall High flags NEWNET; enters a namespace again
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)

def call(nr, *args):
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in args]
    if libc.syscall(ctypes.c_long(nr), *wide) >= 0:
        print("ESCAPED")
    sys.exit(1)

try:
    fd = open("/proc/self/ns/net").fileno()
except OSError:
    fd = 0
call(308, fd, 0x40000000)
