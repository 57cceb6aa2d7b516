# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedNetworkAccess High AF_CAN, SOCK_RAW; opens a vehicle bus
import socket
socket.socket(29, 3)
print("ESCAPED")
