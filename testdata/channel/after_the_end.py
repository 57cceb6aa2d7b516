# none, at most 1
# Goes without waiting for what it asked for.
import os, json
body = json.dumps({"id": 1, "operation": "domain.list"}).encode()
os.write(5, len(body).to_bytes(4, "big") + body)
os._exit(0)
