# contained
import os, weakref
m = weakref.ref(os)()
m.rename("/usr/bin/env", "/usr/bin/x")
print("ESCAPED")
