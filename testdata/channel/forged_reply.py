# not the JSON, at most 0
# An answer where a request should be.
import os, json
body = json.dumps({"id": 1, "result": {"domains": []}}).encode()
os.write(5, len(body).to_bytes(4, "big") + body)
print(os.read(5, 1000))
