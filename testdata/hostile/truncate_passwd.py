# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedFileAccess Medium write "/etc/passwd"; empties a system file
import os
os.truncate("/etc/passwd", 0)
print("ESCAPED")
