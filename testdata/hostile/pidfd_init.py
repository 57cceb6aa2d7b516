# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedSystemCall Medium pid 1; takes hold of the reaper
import os, signal
fd = os.pidfd_open(1)
signal.pidfd_send_signal(fd, 9)
print("ESCAPED")
