# maximum strict standard minimal
import sys
sys.setrecursionlimit(5000)
def f(n):
    return n and 1 + f(n - 1)
assert f(3000) == 3000
