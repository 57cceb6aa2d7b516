# maximum=denied! strict=failed! standard=completed minimal=completed; UnauthorizedSystemCall Medium flags of a fork; starts a process
import os
pid = os.fork()
if pid == 0:
    os._exit(0)
os.waitpid(pid, 0)
