# maximum=memory-limit! strict=memory-limit! standard=memory-limit! minimal=memory-limit!; ResourceLimitExceeded Medium memory; takes all memory
b = []
while True:
    b.append(bytearray(16 << 20))
