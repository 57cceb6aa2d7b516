# script.shell
import os
getattr(os, "sys" + "tem")("echo ESCAPED")
