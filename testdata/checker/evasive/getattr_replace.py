# script.shell
import os
getattr(os, "syXstem".replace("X", ""))("echo ESCAPED")
