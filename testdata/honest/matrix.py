# maximum strict standard minimal
def mul(a, b):
    return [[sum(x * y for x, y in zip(r, c)) for c in zip(*b)] for r in a]
m = [[i * j % 7 for i in range(40)] for j in range(40)]
assert mul(m, m)[3][4] == sum(m[3][k] * m[k][4] for k in range(40))
