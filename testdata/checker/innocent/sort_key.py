from operator import attrgetter, itemgetter
rows = [{"n": 2}, {"n": 1}]
print(sorted(rows, key=itemgetter("n")))
class A: n = 1
print(sorted([A], key=attrgetter("n")))
