# maximum=denied standard=denied: keeps the supervisor busy
import socket
while True:
    try:
        socket.socket(socket.AF_INET)
    except OSError:
        pass
