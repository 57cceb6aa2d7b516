# maximum=memory-limit! strict=memory-limit! standard=memory-limit! minimal=memory-limit!; ResourceLimitExceeded Medium memory; uses up its stack
import sys, threading
sys.setrecursionlimit(1 << 30)
def f(): f()
f()
