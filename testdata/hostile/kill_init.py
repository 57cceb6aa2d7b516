# maximum=denied standard=failed: kills the reaper
import os
os.kill(1, 9)
print("ESCAPED")
