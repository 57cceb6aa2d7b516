# maximum=memory-limit standard=memory-limit: takes all memory
b = []
while True:
    b.append(bytearray(16 << 20))
