# script.function
compile("1", "x", "eval")
