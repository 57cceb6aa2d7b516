# maximum=signalled strict=signalled standard=signalled minimal=signalled; none; kills itself
import os, signal
os.kill(os.getpid(), signal.SIGKILL)
