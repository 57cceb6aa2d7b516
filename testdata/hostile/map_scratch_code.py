# maximum=failed strict=failed standard=failed minimal=failed; none; maps a file that it wrote as code
import ctypes, os
fd = os.open("/scratch/x", os.O_RDWR | os.O_CREAT)
os.write(fd, bytes(4096))
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
if libc.mmap(None, 4096, 5, 2, fd, 0) != ctypes.c_void_p(-1).value:
    print("ESCAPED")
raise SystemExit(1)
