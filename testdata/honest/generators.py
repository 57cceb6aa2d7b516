# maximum strict standard minimal
import contextlib
def g():
    x = yield 1
    yield x * 2
it = g()
assert next(it) == 1 and it.send(21) == 42
with contextlib.ExitStack() as s, contextlib.suppress(KeyError):
    s.callback(print, "end")
    {}["x"]
