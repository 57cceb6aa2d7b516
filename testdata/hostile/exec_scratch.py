# maximum=failed strict=failed standard=failed! minimal=failed!; UnauthorizedFileAccess Medium execute "/scratch/id"; runs a program that it wrote itself
import os, shutil
shutil.copy("/usr/bin/id", "/scratch/id")
os.chmod("/scratch/id", 0o755)
os.execv("/scratch/id", ["id"])
print("ESCAPED")
