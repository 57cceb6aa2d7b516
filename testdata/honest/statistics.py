# maximum strict standard minimal
import statistics, math
assert statistics.median([3, 1, 2]) == 2 and round(statistics.stdev([1, 2, 3, 4]), 3) == 1.291
assert math.isclose(math.fsum([0.1] * 10), 1)
