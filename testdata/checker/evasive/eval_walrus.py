# script.function
(run := eval)("1")
