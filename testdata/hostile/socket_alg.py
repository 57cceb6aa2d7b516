# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedNetworkAccess Medium AF_ALG, SOCK_SEQPACKET; opens a socket to the kernel's ciphers
import socket
socket.socket(38, 5)
print("ESCAPED")
