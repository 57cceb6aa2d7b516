# maximum strict standard minimal
import base64, quopri
assert base64.b85decode(base64.b85encode(bytes(range(256)))) == bytes(range(256))
assert base64.urlsafe_b64decode(base64.urlsafe_b64encode(b"\xff\xfe")) == b"\xff\xfe"
