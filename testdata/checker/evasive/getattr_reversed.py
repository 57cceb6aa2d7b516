# script.shell
import os
getattr(os, "metsys"[::-1])("echo ESCAPED")
