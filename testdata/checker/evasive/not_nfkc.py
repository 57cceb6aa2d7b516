# script.identifier
ﬁle = 1
print(file)
