# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedSystemCall Medium pid 1, signal 19; stops the reaper
import os
os.kill(1, 19)
print("ESCAPED")
