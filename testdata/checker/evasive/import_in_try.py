# script.shell
try:
    import subprocess as s
except ImportError:
    s = None
s.call(["echo", "ESCAPED"])
