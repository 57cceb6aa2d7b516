# script.namespace
globals()["__builtins__"].eval("1")
