# script.shell
import os
class A:
    def __init__(self): self.m = os
    def go(self): self.m.system("echo ESCAPED")
A().go()
