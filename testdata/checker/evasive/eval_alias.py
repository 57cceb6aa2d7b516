# script.function
f = eval
f("1")
