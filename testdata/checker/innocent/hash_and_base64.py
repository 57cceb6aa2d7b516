import base64
import hashlib
print(base64.b64encode(hashlib.sha256(b"x").digest()).decode())
