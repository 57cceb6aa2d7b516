# maximum=denied! strict=denied! standard=denied! minimal=denied!; UnauthorizedNetworkAccess Medium AF_INET, SOCK_STREAM; keeps the supervisor busy
import socket
while True:
    try:
        socket.socket(socket.AF_INET)
    except OSError:
        pass
