# script.shell
from os import system as s
s("echo ESCAPED")
