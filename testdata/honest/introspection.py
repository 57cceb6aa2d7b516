# maximum strict standard minimal
import inspect, ast, dis, types, io, contextlib, gc, weakref, sys
assert ast.literal_eval("[1, {'a': 2}]") == [1, {"a": 2}] and inspect.signature(lambda a, b=1: 0).parameters["b"].default == 1
with contextlib.redirect_stdout(io.StringIO()):
    dis.dis(lambda: 0)
gc.collect(), sys.getrefcount(weakref)
