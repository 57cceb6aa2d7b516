# maximum=signalled strict=signalled standard=signalled minimal=signalled; none; ends by a signal it sends itself
import os, signal
os.kill(os.getpid(), signal.SIGILL)
