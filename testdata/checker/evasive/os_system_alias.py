# script.shell
import os as o
o.system("echo ESCAPED")
