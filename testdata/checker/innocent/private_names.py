class A:
    def __hidden(self): return 1
    def show(self): return self.__hidden()
print(A().show(), [1 for _ in range(2)])
