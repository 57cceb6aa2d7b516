# maximum=failed strict=failed standard=failed minimal=failed; none; makes timers without end
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
while libc.syscall(222, 0, None, ctypes.byref(ctypes.c_int())) == 0:
    pass
raise SystemExit(1)
