# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedNetworkAccess Medium family 43, SOCK_STREAM; opens a shared memory socket
import socket
socket.socket(43, 1)
print("ESCAPED")
