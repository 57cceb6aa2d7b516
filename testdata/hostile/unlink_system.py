# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedFileAccess Medium write "/usr/bin/env"; removes a system file
import os
os.unlink("/usr/bin/env")
print("ESCAPED")
