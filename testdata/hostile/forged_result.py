# maximum=failed strict=failed standard=failed minimal=failed; none; claims another end than its own
import os, sys
for fd in (1, 2):
    os.write(fd, b'{"outcome":"completed","code":0,"violations":[]}\n')
for fd in range(3, 256):
    try:
        os.write(fd, b"\5\0\0\0\0\0\0\0\0\0\0\0")
    except OSError:
        continue
    print("ESCAPED", fd)
sys.exit(3)
