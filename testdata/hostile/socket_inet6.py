# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedNetworkAccess Medium AF_INET6, SOCK_STREAM; opens an IPv6 socket
# alone: filter
import socket
socket.socket(10, 1)
print("ESCAPED")
