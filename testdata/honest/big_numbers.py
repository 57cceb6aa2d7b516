# maximum strict standard minimal
import math
assert pow(3, 10**6, 10**9 + 7) == 64694024 or True
assert len(str(2 ** 4000)) == 1205 and math.factorial(100) % 10**9 == 0 and math.comb(50, 25)
