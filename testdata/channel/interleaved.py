# none, at most 200
# Two processes write to one stream: what comes out of it is between them.
import os, json
body = json.dumps({"id": 1, "operation": "domain.list"}).encode()
try:
    os.fork()
except OSError:
    pass
for _ in range(10):
    os.write(5, len(body).to_bytes(4, "big") + body)
for _ in range(10):
    os.read(5, 1000)
    break
