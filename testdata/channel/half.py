# none, at most 0
import os
os.write(5, b"\x00\x00\x01\x00" + b'{"id": 1, "operation": "domain.st')
