# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedNetworkAccess Medium AF_INET, SOCK_DGRAM; asks a name server
import socket
print(socket.getaddrinfo("example.com", 443), "ESCAPED")
