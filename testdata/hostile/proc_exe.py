# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedFileAccess Medium write "/proc/self/exe"; overwrites its interpreter
import os
os.open("/proc/self/exe", os.O_WRONLY)
print("ESCAPED")
