# maximum=failed strict=failed standard=failed minimal=failed; none; makes a file larger than it may
# alone: limits
import os
fd = os.open("/scratch/x", os.O_WRONLY | os.O_CREAT)
os.ftruncate(fd, 1 << 40)
print("ESCAPED")
