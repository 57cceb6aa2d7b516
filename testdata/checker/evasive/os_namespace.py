# script.shell
import os, types
types.SimpleNamespace(m=os).m.system("echo ESCAPED")
