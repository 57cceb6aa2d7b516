# standard minimal
import socket, threading, os
s = socket.socket(socket.AF_UNIX)
s.bind("/scratch/s"), s.listen()
def serve():
    c, _ = s.accept()
    c.sendall(c.recv(9))
t = threading.Thread(target=serve)
t.start()
c = socket.socket(socket.AF_UNIX)
c.connect("/scratch/s"), c.sendall(b"hi")
assert c.recv(9) == b"hi"
t.join()
