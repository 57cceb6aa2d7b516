# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedFileAccess High read "/proc/1/root"; goes through the root of pid 1
import os
print(os.listdir("/proc/1/root"), "ESCAPED")
