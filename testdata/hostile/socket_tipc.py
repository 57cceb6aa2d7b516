# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedNetworkAccess Medium AF_TIPC, SOCK_SEQPACKET; opens a cluster socket
import socket
socket.socket(30, 5)
print("ESCAPED")
