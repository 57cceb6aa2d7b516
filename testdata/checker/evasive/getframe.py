# script.introspection
import sys
sys._getframe().f_globals
