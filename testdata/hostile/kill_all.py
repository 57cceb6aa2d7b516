# maximum=denied standard=failed: kills every process it may
import os
os.kill(-1, 9)
os.kill(1, 9)
os.kill(os.getppid(), 9)
