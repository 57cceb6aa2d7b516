# script.shell
def f():
    global o
    import os as o
f()
o.system("echo ESCAPED")
