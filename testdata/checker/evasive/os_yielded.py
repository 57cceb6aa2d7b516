# script.shell
import os
def g():
    yield os
for m in g():
    m.system("echo ESCAPED")
