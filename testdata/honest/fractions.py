# maximum strict standard minimal
from fractions import Fraction
assert sum(Fraction(1, n) for n in range(1, 20)).denominator == 77597520
