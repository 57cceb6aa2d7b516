# maximum=timed-out! strict=timed-out! standard=timed-out! minimal=timed-out!; ResourceLimitExceeded Medium wall time; computes without end
while True:
    pass
