# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedNetworkAccess High AF_XDP, SOCK_RAW; opens an express data path
import socket
socket.socket(44, 3)
print("ESCAPED")
