# maximum strict standard minimal
import zlib, gzip, bz2, lzma
for m in (zlib, gzip, bz2, lzma):
    assert m.decompress(m.compress(b"a" * 10000)) == b"a" * 10000
