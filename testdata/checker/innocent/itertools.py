import functools
import itertools
print(functools.reduce(lambda a, b: a + b, itertools.chain([1], [2])))
