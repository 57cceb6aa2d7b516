# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedNetworkAccess High AF_INET, SOCK_RAW; opens a raw socket
import socket
socket.socket(2, 3)
print("ESCAPED")
