# maximum=denied! strict=failed! standard=completed minimal=completed; UnauthorizedSystemCall Medium flags VFORK; starts a process by posix_spawn
import os
pid = os.posix_spawn("/usr/bin/true", ["true"], {})
os.waitpid(pid, 0)
