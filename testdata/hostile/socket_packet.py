# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedNetworkAccess High AF_PACKET, SOCK_RAW; opens a packet socket
import socket
socket.socket(17, 3)
print("ESCAPED")
