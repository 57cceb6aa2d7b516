from decimal import ROUND_HALF_UP, Decimal
print(Decimal("1.005").quantize(Decimal("0.01"), ROUND_HALF_UP))
