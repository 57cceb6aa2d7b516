# maximum strict standard minimal
n = {}
exec(compile("def f(x):\n    return x + 1", "<made>", "exec"), n)
assert n["f"](1) == 2 and eval("6 * 7") == 42
