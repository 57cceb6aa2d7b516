# script.attribute.dynamic
import os
list(map(getattr, [os], ["system"]))[0]("echo ESCAPED")
