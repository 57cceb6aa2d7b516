# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedFileAccess Medium write "/proc/self/uid_map"; maps itself to root
open("/proc/self/uid_map", "w").write("0 0 1")
print("ESCAPED")
