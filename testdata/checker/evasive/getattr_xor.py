# script.shell
import os
getattr(os, "".join(chr(c ^ 1) for c in b"rxrudl"))("echo ESCAPED")
