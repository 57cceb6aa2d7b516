# script.function
import typing
def f(x: "print(1)"): pass
typing.get_type_hints(f)
