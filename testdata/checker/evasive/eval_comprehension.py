# script.function
[f("1") for f in [eval]]
