# script.function
(eval if True else print)("1")
