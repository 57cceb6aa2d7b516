# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedFileAccess Medium write "/usr/bin/env"; makes a system file writable
import os
os.chmod("/usr/bin/env", 0o777)
print("ESCAPED")
