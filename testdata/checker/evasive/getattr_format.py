# script.shell
import os
getattr(os, "{}{}".format("sys", "tem"))("echo ESCAPED")
