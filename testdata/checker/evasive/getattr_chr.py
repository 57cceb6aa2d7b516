# script.shell
import os
getattr(os, chr(115) + "ystem")("echo ESCAPED")
