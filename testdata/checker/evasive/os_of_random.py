# script.shell
import random
random._os.system("echo ESCAPED")
