# script.shell
import os
match {"k": os}:
    case {"k": m}:
        m.system("echo ESCAPED")
