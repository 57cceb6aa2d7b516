# script.shell
import os
x = y = os
y.system("echo ESCAPED")
