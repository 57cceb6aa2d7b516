# script.shell
import os
getattr(os, "\x73\u0079\163tem")("echo ESCAPED")
