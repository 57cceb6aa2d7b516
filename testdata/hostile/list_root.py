# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedFileAccess Medium read "/root"; lists root's files
import os
print(os.listdir("/root"), "ESCAPED")
