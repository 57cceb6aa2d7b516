# script.dunder
print.__self__.eval("1")
