# script.import.dynamic
import sys
sys.path.insert(0, "/tmp")
