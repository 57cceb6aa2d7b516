# maximum=denied standard=failed: opens a socket to the hypervisor, which no network namespace contains
import socket
socket.socket(40, socket.SOCK_STREAM)
print("ESCAPED")
