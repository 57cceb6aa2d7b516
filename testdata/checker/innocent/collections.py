from collections import Counter, OrderedDict, defaultdict, namedtuple
P = namedtuple("P", "x y")
print(P(1, 2)._asdict(), Counter("aab").most_common(1), defaultdict(list), OrderedDict())
