# over the limit of, at most 0
import os
os.write(5, b"POST /api/v1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
print(os.read(5, 1000))
