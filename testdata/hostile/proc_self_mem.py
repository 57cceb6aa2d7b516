# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedFileAccess Medium write "/proc/self/mem"; writes its own code through /proc
open("/proc/self/mem", "r+b", buffering=0)
print("ESCAPED")
