# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedNetworkAccess Medium AF_RDS, SOCK_SEQPACKET; opens a reliable datagram socket
import socket
socket.socket(21, 5)
print("ESCAPED")
