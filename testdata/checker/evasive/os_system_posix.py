# script.shell
import posix
posix.system("echo ESCAPED")
