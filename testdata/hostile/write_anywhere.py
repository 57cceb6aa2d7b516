# maximum=denied! strict=completed! standard=completed! minimal=completed!; UnauthorizedFileAccess Medium write "/usr/x"; writes wherever it can outside its scratch
import os
for where in ("/", "/usr", "/usr/bin", "/etc", "/dev", "/proc", "/lib", "/var/tmp", "/run", "/scratch/..", "/dev/shm/../.."):
    try:
        open(where + "/x", "w").write("x")
    except OSError:
        continue
    print("ESCAPED", where)
