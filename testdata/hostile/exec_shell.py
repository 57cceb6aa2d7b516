# maximum=denied standard=completed: becomes a shell
import os
os.execv("/bin/sh", ["sh", "-c", "cat /etc/shadow && echo ESCAPED; exit 0"])
