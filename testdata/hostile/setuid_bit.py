# maximum=failed strict=failed standard=failed! minimal=failed!; UnauthorizedFileAccess Medium execute "/scratch/sh"; makes a setuid copy of a shell
import os, shutil
shutil.copy("/bin/dash", "/scratch/sh")
os.chmod("/scratch/sh", 0o4755)
os.execv("/scratch/sh", ["sh", "-pc", "echo ESCAPED"])
