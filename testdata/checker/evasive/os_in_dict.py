# script.shell
import os
{"a": os}["a"].system("echo ESCAPED")
