# script.shell
import operator, os
operator.attrgetter("system")(os)("echo ESCAPED")
