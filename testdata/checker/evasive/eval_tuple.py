# script.function
a, b = 1, eval
b("1")
