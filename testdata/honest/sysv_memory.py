# minimal
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
key = libc.shmget(0, 4096, 0o1600)
assert key >= 0
at = libc.shmat(key, None, 0)
ctypes.memset(at, 7, 4096)
assert ctypes.string_at(at, 1) == b"\7" and libc.shmctl(key, 0, None) == 0
