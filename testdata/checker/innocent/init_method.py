class A:
    def __init__(self, x):
        self.x = x
    def __repr__(self):
        return f"A({self.x})"
print(A(1))
