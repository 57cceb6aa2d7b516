# script.shell
import os
getattr(os, "".join(reversed("metsys")))("echo ESCAPED")
