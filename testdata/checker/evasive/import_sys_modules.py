# script.namespace
import sys
sys.modules["os"].system("echo ESCAPED")
