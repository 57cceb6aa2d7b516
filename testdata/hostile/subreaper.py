# maximum=denied! strict=failed! standard=completed minimal=completed; UnauthorizedSystemCall Medium operation 0x24; adopts the processes it leaves behind
import ctypes, os, time
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
if os.fork() == 0:
    if os.fork() == 0:
        time.sleep(600)
    os._exit(0)
