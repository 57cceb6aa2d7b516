print("{} and {name!r:>10}".format(1, name="x"))
