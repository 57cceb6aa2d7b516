import sys
print(sys.argv, file=sys.stderr)
sys.stdout.write(sys.version)
sys.exit(0)
