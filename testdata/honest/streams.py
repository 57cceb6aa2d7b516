# maximum strict standard minimal
import sys, io
assert sys.stdin.read() == ""
sys.stdout.write("ä\n"); sys.stdout.flush()
print("x", file=sys.stderr if False else sys.stdout, end="")
assert not sys.stdout.isatty()
