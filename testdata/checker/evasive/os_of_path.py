# script.shell
import os.path
os.path.os.system("echo ESCAPED")
