def f(eval):
    return eval + 1
print(f(1))
