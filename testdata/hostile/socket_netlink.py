# maximum=denied standard=failed: asks the kernel for its network configuration
import socket
socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
print("ESCAPED")
