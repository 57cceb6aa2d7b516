# maximum=failed strict=failed standard=failed! minimal=failed!; UnauthorizedFileAccess High AF_UNIX "/run/dbus/system_bus_socket"; connects to the system bus
import socket
s = socket.socket(socket.AF_UNIX)
s.connect("/run/dbus/system_bus_socket")
print("ESCAPED")
