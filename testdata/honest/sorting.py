# maximum strict standard minimal
import random
x = [random.random() for _ in range(100000)]
assert sorted(x) == sorted(x[::-1])
