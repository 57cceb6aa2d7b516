# script.file
import shutil
shutil.copy("/etc/passwd", "/tmp/x")
