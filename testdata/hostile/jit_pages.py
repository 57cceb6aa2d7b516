# maximum=denied! strict=failed standard=completed minimal=completed; UnauthorizedSystemCall Medium "jit", flags 0x8; maps the same memory writable and executable
import ctypes, os
fd = os.memfd_create("jit", 0x8)  # MFD_NOEXEC_SEAL
os.ftruncate(fd, 4096)
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
for protection in (3, 5):
    if libc.mmap(None, 4096, protection, 1, fd, 0) == ctypes.c_void_p(-1).value:
        raise SystemExit(1)
