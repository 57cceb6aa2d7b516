# script.shell
import operator, os
operator.methodcaller("system", "echo ESCAPED")(os)
