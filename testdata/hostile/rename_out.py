# maximum=failed strict=failed standard=failed! minimal=failed!; UnauthorizedFileAccess Medium write "/scratch/x", write "/usr/bin/x"; moves a file out of its scratch
import os
open("/scratch/x", "w").close()
os.rename("/scratch/x", "/usr/bin/x")
print("ESCAPED")
