# maximum=completed strict=completed standard=completed minimal=completed; none; looks for inherited descriptors
import os
for fd in range(3, 1024):
    try:
        os.fstat(fd)
    except OSError:
        continue
    print("ESCAPED", fd)
