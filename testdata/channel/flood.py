# none, at most 200
# Asks as fast as it can and never reads an answer.
import os, json
body = json.dumps({"id": 1, "operation": "domain.list"}).encode()
os.set_blocking(5, False)
for _ in range(100_000):
    try:
        os.write(5, len(body).to_bytes(4, "big") + body)
    except BlockingIOError:
        break
