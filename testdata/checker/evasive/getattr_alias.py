# script.attribute.dynamic
import os, sys
g = getattr
g(os, sys.argv[1])
