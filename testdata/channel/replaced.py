# none, at most 0
# Its own pair in the place of the worker's: it answers itself.
import os, socket, json, lazaret
a, b = socket.socketpair()
os.dup2(b.fileno(), 5)
body = json.dumps({"id": 1, "result": {"domains": ["mine"]}}).encode()
a.sendall(len(body).to_bytes(4, "big") + body)
print(lazaret.libvirt.domain_list())
