# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedNetworkAccess High AF_KEY, SOCK_RAW; opens the kernel's IPsec keys
import socket
socket.socket(15, 3)
print("ESCAPED")
