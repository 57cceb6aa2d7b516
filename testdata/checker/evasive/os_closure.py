# script.shell
import os
def f():
    m = os
    def g():
        m.system("echo ESCAPED")
    g()
f()
