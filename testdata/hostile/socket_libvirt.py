# maximum=failed strict=failed standard=failed! minimal=failed!; UnauthorizedFileAccess High AF_UNIX "/var/run/libvirt/libvirt-sock"; connects to libvirt
import socket
s = socket.socket(socket.AF_UNIX)
s.connect("/var/run/libvirt/libvirt-sock")
print("ESCAPED")
