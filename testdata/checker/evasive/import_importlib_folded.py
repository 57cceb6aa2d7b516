# script.shell
from importlib import import_module as load
load("o" + "s").system("echo ESCAPED")
