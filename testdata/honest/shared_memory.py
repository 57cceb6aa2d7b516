# standard minimal
from multiprocessing import shared_memory, resource_tracker
s = shared_memory.SharedMemory(create=True, size=4096)
s.buf[0] = 7
o = shared_memory.SharedMemory(s.name)
assert o.buf[0] == 7
o.close(), s.close(), s.unlink()
