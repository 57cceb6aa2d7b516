# maximum=denied! strict=failed! standard=pids-limit! minimal=pids-limit!; UnauthorizedSystemCall Medium flags of a fork or ResourceLimitExceeded Medium processes; leaves children that nobody waits for
import os
while True:
    if os.fork() == 0:
        os._exit(0)
