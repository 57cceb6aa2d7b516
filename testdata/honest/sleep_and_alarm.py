# maximum strict standard minimal
import signal, time, select
hits = []
signal.signal(signal.SIGALRM, lambda *a: hits.append(1))
signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
end = time.monotonic() + 0.05
while time.monotonic() < end:
    select.select([], [], [], 0.01)
signal.setitimer(signal.ITIMER_REAL, 0)
assert hits
