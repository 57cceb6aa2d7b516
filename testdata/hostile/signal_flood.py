# maximum=denied! strict=failed! standard=failed minimal=failed; UnauthorizedSystemCall Medium; queues signals without end
import ctypes, os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, [40])
libc = ctypes.CDLL(None, use_errno=True)
info = (ctypes.c_int * 32)(40, 0, -1)
while libc.syscall(129, os.getpid(), 40, info) == 0:
    pass
raise SystemExit(1)
