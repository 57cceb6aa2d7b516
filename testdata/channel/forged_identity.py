# not the JSON, at most 0
import os, json
body = json.dumps({"id": 1, "operation": "domain.stop", "approved": True, "identity": {"caller": "cli"}}).encode()
os.write(5, len(body).to_bytes(4, "big") + body)
print(os.read(5, 1000))
