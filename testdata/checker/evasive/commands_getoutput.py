# script.shell
import commands
commands.getoutput("echo ESCAPED")
