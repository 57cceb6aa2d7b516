# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedFileAccess Medium read "/home"; lists the host's people
import os
print(os.listdir("/home"), "ESCAPED")
