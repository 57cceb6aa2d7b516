# script.format.attribute
class A: secret = 1
print("{a.secret}".format(a=A()))
