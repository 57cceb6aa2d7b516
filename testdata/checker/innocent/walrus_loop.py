data = [1, 2]
while (n := len(data)) > 0:
    data.pop()
print(n)
