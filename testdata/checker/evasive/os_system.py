# script.shell
import os
os.system("echo ESCAPED")
