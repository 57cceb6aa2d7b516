# maximum strict standard minimal
import gc
x = [bytes(1 << 20) for _ in range(100)]
assert sum(map(len, x)) == 100 << 20
del x
gc.collect()
