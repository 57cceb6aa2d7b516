# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedNetworkAccess Medium AF_INET, SOCK_STREAM; makes a pair of network sockets
import socket
socket.socketpair(socket.AF_INET)
print("ESCAPED")
