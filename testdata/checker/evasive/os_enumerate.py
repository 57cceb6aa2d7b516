# script.shell
import os
for _, m in enumerate([os]):
    m.system("echo ESCAPED")
