# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedNetworkAccess Medium family 42, SOCK_DGRAM; opens a socket to the modem
import socket
socket.socket(42, 2)
print("ESCAPED")
