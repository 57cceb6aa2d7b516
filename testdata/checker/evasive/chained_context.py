# contained
import contextvars, os
v = contextvars.ContextVar("v")
v.set(os)
m = v.get()
m.mkdir("/usr/ESCAPED")
print("ESCAPED")
