# maximum=failed standard=failed: connects to the container daemon
import socket
s = socket.socket(socket.AF_UNIX)
s.connect("/var/run/docker.sock")
print("ESCAPED")
