# not the JSON, at most 0
import os
os.write(5, b"\x00\x00\x00\x07hello!!")
print(os.read(5, 1000))
