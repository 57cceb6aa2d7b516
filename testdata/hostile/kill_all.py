# maximum=denied! strict=failed! standard=failed minimal=failed; UnauthorizedSystemCall Medium pid -1, signal 9; kills every process it may
import os
os.kill(-1, 9)
os.kill(1, 9)
os.kill(os.getppid(), 9)
