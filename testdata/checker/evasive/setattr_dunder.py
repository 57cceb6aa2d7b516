# script.dunder
class A: pass
setattr(A, "__getattr__", print)
