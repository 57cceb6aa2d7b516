# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedNetworkAccess Medium AF_INET, SOCK_DGRAM; opens a datagram socket
# alone: filter
import socket
socket.socket(2, 2)
print("ESCAPED")
