# maximum=failed strict=failed standard=failed! minimal=memory-limit!; ResourceLimitExceeded Medium /tmp is full or ResourceLimitExceeded Medium memory; takes its memory as files
import os
for where in ("/tmp", "/scratch"):
    with open(where + "/x", "wb") as f:
        for _ in range(500):
            f.write(bytes(1 << 20))
