# contained
import copy, os
holder = copy.copy([os])
tool = holder[0]
reader = tool.fdopen
reader(1, "w").write("")
tool.replace("/usr/bin/env", "/usr/bin/ESCAPED")
print("ESCAPED")
