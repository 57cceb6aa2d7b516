# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedSystemCall Medium share "/usr/bin/env"; takes a lease on a file that all share
import fcntl
fcntl.fcntl(open("/usr/bin/env"), 1024, fcntl.F_WRLCK)
print("ESCAPED")
