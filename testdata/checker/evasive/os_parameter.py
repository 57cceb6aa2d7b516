# script.shell
import os
def go(m):
    m.system("echo ESCAPED")
go(os)
