class A: pass
setattr(A, "colour", "red")
