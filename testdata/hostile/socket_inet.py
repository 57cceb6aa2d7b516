# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedNetworkAccess Medium AF_INET, SOCK_STREAM; opens an internet socket
import socket
socket.create_connection(("1.1.1.1", 53), 2)
print("ESCAPED")
