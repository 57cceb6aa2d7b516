# script.import.dynamic
import sys
sys.path.append(*["/scratch"])
