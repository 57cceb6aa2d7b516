# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedNetworkAccess High AF_VSOCK, SOCK_STREAM; opens a socket to the hypervisor, which no network namespace contains
# alone: filter
import socket
socket.socket(40, socket.SOCK_STREAM)
print("ESCAPED")
