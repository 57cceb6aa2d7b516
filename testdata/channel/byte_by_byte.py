# none, at most 1
import os, json
body = json.dumps({"id": 1, "operation": "domain.list"}).encode()
for byte in len(body).to_bytes(4, "big") + body:
    os.write(5, bytes([byte]))
print(os.read(5, 1000))
