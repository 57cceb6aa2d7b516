# maximum=failed strict=failed standard=failed! minimal=failed!; UnauthorizedFileAccess Medium execute "/tmp/x"; runs a script that it wrote itself
import os
with open("/tmp/x", "w") as f:
    f.write("#!/bin/sh\necho ESCAPED\n")
os.chmod("/tmp/x", 0o755)
os.execv("/tmp/x", ["x"])
