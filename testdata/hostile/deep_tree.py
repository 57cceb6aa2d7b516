# maximum=failed strict=failed standard=completed minimal=completed; none; makes a tree deeper than a path can name
import os
os.chdir("/scratch")
for _ in range(1000):
    os.mkdir("d" * 200)
    os.chdir("d" * 200)
