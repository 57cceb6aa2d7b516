# script.shell
import os
def get():
    return os
get().system("echo ESCAPED")
