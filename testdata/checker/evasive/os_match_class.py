# script.shell
import os
match os:
    case object(system=run):
        run("echo ESCAPED")
