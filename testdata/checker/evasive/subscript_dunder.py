# script.dunder
d = {}
print(d["__cla" + "ss__"])
