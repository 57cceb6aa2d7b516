# script.control
import sys
sys.settrace(print)
