# script.function
list(map(eval, ["1"]))
