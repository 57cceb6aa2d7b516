# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedFileAccess Medium write "/usr/lib"; makes a nameless file among the system's
import os
os.open("/usr/lib", os.O_TMPFILE | os.O_RDWR)
print("ESCAPED")
