# script.attribute.dynamic
import os, sys
getattr(os, sys.argv[1])("echo ESCAPED")
