# maximum=failed strict=failed standard=failed! minimal=failed!; UnauthorizedFileAccess High AF_UNIX "/var/run/docker.sock"; connects to the container daemon
import socket
s = socket.socket(socket.AF_UNIX)
s.connect("/var/run/docker.sock")
print("ESCAPED")
