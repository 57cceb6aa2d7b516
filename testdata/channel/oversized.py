# over the limit of, at most 0
import os
os.write(5, b"\x7f\xff\xff\xff" + b"x" * 10_000)
print(os.read(5, 1000))
