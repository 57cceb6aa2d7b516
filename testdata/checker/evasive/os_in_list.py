# script.shell
import os
[os][0].system("echo ESCAPED")
