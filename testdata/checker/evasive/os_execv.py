# script.shell
import os
os.execv("/bin/echo", ["echo", "ESCAPED"])
