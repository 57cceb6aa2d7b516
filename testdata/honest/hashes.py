# maximum strict standard minimal
import hashlib, hmac, zlib, binascii
assert hashlib.sha256(b"x").hexdigest().startswith("2d711642")
assert hmac.compare_digest(hmac.digest(b"k", b"m", "sha512"), hmac.digest(b"k", b"m", "sha512"))
assert zlib.crc32(b"x") == binascii.crc32(b"x")
