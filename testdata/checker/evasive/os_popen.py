# script.shell
import os
os.popen("echo ESCAPED").read()
