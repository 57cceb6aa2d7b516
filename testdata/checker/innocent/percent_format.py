print("%s.%d" % ("a", 1))
