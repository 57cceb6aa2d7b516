# script.function
eval	("1 + 1")
