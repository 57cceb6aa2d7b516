# script.shell
import os
getattr(os, "%s%s" % ("sys", "tem"))("echo ESCAPED")
