# script.attribute.dynamic
import os
d = {}
d["g"] = getattr
d["g"](os, "system")("echo ESCAPED")
