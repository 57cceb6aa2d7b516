# script.shell
import os
class A: pass
a = A()
a.m = os
a.m.system("echo ESCAPED")
