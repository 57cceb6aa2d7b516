# maximum=denied standard=failed: opens an internet socket
import socket
socket.create_connection(("1.1.1.1", 53), 2)
print("ESCAPED")
