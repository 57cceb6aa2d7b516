# maximum strict standard minimal
import contextvars, functools
v = contextvars.ContextVar("v", default=0)
c = contextvars.copy_context()
c.run(v.set, 5)
assert v.get() == 0 and c[v] == 5
@functools.lru_cache
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)
assert fib(90) == 2880067194370816120
