# maximum=denied! strict=failed! standard=timed-out! minimal=timed-out!; UnauthorizedFileAccess Medium write "/scratch/p" or ResourceLimitExceeded Medium wall time; waits for a writer that never comes
import os
os.mkfifo("/scratch/p")
open("/scratch/p").read()
