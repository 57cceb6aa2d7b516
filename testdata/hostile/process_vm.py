# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedSystemCall High pid 1; reads another process's memory
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)

def call(nr, *args):
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in args]
    if libc.syscall(ctypes.c_long(nr), *wide) >= 0:
        print("ESCAPED")
    sys.exit(1)

buffer = ctypes.create_string_buffer(16)
local = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), 16)
remote = (ctypes.c_size_t * 2)(0x400000, 16)
call(310, 1, local, 1, remote, 1, 0)
