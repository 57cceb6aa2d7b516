# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedNetworkAccess Medium AF_INET, SOCK_STREAM; waits for connections
import socket
socket.create_server(("127.0.0.1", 8080))
print("ESCAPED")
