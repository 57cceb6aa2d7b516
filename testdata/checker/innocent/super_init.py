class Names(dict):
    def __init__(self, *args):
        super().__init__(*args)
    def __missing__(self, key):
        return super().__getitem__("default")
print(Names(a=1) if False else 1)
