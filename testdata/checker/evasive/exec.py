# script.function
exec("x = 1")
