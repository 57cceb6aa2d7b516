# script.function
print(eval("1"))
eval = None
