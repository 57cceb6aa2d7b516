# script.shell
import os
a = "sys"
getattr(os, f"{a}tem")("echo ESCAPED")
