# maximum=denied! strict=failed! standard=pids-limit! minimal=pids-limit!; UnauthorizedSystemCall Medium flags of a fork or ResourceLimitExceeded Medium processes; starts processes without end
import os, time
while True:
    if os.fork() == 0:
        time.sleep(60)
