# maximum=failed strict=failed standard=failed minimal=failed; none; sets a segment register
# only: amd64
# alone: filter
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)

def call(nr, *args):
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in args]
    if libc.syscall(ctypes.c_long(nr), *wide) >= 0:
        print("ESCAPED")
    sys.exit(1)

call(158, 0x1001, 0)
