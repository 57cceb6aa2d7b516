# script.shell
import os
getattr(os, "system")("echo ESCAPED")
