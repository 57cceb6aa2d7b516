# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedNetworkAccess High AF_BLUETOOTH, SOCK_RAW; opens a Bluetooth socket
import socket
socket.socket(31, 3)
print("ESCAPED")
