# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedSystemCall Medium pid 2, signal 31; ends as if a foreign call had been made
import os, signal
os.kill(os.getpid(), signal.SIGSYS)
