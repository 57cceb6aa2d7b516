# script.shell
from os import spawnl
spawnl(0, "/bin/echo", "echo", "ESCAPED")
