# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedNetworkAccess Medium family 41, SOCK_DGRAM; opens a connection multiplexer
import socket
socket.socket(41, 2)
print("ESCAPED")
