# standard minimal
import os, signal
r, w = os.pipe()
if os.fork() == 0:
    os.write(w, str(os.getppid()).encode())
    os._exit(3)
assert os.waitstatus_to_exitcode(os.wait()[1]) == 3 and os.read(r, 9) == b"2"
signal.signal(signal.SIGTERM, lambda *a: None)
os.kill(os.getpid(), signal.SIGTERM)
