# contained
import random
# A list built by comparing attribute names of an object got through a container that a library made.
import collections
d = collections.deque([random])
m = d.popleft()
for name in ("_os",):
    run = m._os.system
run("echo ESCAPED")
