# script.shell
import os
n = "sys"
n += "tem"
getattr(os, n)("echo ESCAPED")
