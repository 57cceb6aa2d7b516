# script.attribute.dynamic
import functools, os
functools.partial(getattr, os)("system")("echo ESCAPED")
