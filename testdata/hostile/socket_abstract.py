# maximum=failed strict=failed standard=failed minimal=failed; none; connects to an abstract socket of the host
import socket
s = socket.socket(socket.AF_UNIX)
s.connect("\0/tmp/.X11-unix/X0")
print("ESCAPED")
