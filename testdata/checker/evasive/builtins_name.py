# script.dunder
b = __builtins__
print(b)
