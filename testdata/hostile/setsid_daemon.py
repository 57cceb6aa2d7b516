# maximum=denied! strict=failed! standard=completed minimal=completed; UnauthorizedSystemCall Medium flags of a fork; leaves a daemon behind
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for fd in range(3):
            os.close(fd)
        time.sleep(600)
    os._exit(0)
