# standard minimal
import fcntl, mmap
with open("/scratch/f", "w+b") as f:
    f.write(bytes(8192)); f.flush()
    fcntl.flock(f, fcntl.LOCK_EX), fcntl.lockf(f, fcntl.LOCK_EX)
    m = mmap.mmap(f.fileno(), 0)
    m[0] = 1
    m.flush()
assert open("/scratch/f", "rb").read(1) == b"\1"
