# maximum strict standard minimal
for i in range(5000):
    print("line", i, "x" * 100)
