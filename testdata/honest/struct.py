# maximum strict standard minimal
import struct, array
assert struct.unpack("<IH", struct.pack("<IH", 1, 2)) == (1, 2)
assert memoryview(array.array("i", range(4))).tolist() == [0, 1, 2, 3]
