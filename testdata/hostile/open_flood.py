# maximum=timed-out! strict=timed-out! standard=timed-out! minimal=timed-out!; ResourceLimitExceeded Medium wall time; keeps the supervisor looking at paths
while True:
    open("/usr/bin/env").close()
