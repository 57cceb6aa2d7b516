# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedFileAccess Medium write "/scratch/mem"; makes a device node
import os, stat
os.mknod("/scratch/mem", stat.S_IFCHR | 0o666, os.makedev(1, 1))
print("ESCAPED")
