# script.shell
import os, contextlib
with contextlib.nullcontext(os) as m:
    m.system("echo ESCAPED")
