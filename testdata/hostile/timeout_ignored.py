# maximum=timed-out! strict=timed-out! standard=timed-out! minimal=timed-out!; ResourceLimitExceeded Medium wall time; ignores every signal and never ends
import signal, time
for s in range(1, 65):
    try:
        signal.signal(s, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
while True:
    time.sleep(1)
