# maximum strict standard minimal
import collections, heapq, bisect, itertools, functools, operator
assert collections.Counter("abca").most_common(1) == [("a", 2)]
assert heapq.nsmallest(2, [3, 1, 2]) == [1, 2] and bisect.bisect([1, 2, 4], 3) == 2
assert functools.reduce(operator.mul, itertools.chain([1, 2], [3])) == 6
