# nests deeper than 10, at most 0
import os
body = b'{"id": 1, "operation": "domain.list", "with": {"a": ' + b"[" * 50_000 + b"]" * 50_000 + b"}}"
data = len(body).to_bytes(4, "big") + body
while data:
    data = data[os.write(5, data):]
print(os.read(5, 1000))
