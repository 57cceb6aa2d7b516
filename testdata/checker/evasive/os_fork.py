# script.process
import os
if os.fork() == 0: print("ESCAPED")
