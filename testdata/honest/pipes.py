# maximum strict standard minimal
import os, selectors, socket
r, w = os.pipe()
os.write(w, b"x" * 1000)
assert os.read(r, 2000) == b"x" * 1000
a, b = socket.socketpair()
s = selectors.DefaultSelector()
s.register(a, selectors.EVENT_READ)
b.sendall(b"hi")
assert s.select(1) and a.recv(9) == b"hi"
