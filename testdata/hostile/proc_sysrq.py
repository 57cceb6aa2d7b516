# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedFileAccess High write "/proc/sysrq-trigger"; restarts the machine through /proc
open("/proc/sysrq-trigger", "w").write("b")
print("ESCAPED")
