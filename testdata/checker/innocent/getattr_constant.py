class A: colour = "red"
print(getattr(A, "colour", None), getattr(A, "co" + "lour"))
