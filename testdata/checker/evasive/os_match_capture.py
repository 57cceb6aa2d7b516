# script.shell
import os
match os:
    case m:
        m.system("echo ESCAPED")
