class A:
    __slots__ = ("x",)
    def __enter__(self): return self
    def __exit__(self, *error): pass
    def __getattr__(self, name): return 1
    def __call__(self): return 2
    def __eq__(self, other): return True
    def __hash__(self): return 1
with A() as a:
    print(a())
