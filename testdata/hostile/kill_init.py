# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedSystemCall Medium pid 1, signal 9; kills the reaper
import os
os.kill(1, 9)
print("ESCAPED")
