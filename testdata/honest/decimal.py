# maximum strict standard minimal
from decimal import Decimal, getcontext
getcontext().prec = 50
assert Decimal("0.1") + Decimal("0.2") == Decimal("0.3")
assert len(str(Decimal(2).sqrt())) > 40
