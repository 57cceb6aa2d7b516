# standard minimal
import tempfile, os
with tempfile.TemporaryDirectory() as d, tempfile.NamedTemporaryFile(dir=d) as f, tempfile.SpooledTemporaryFile(10) as s, tempfile.TemporaryFile() as t:
    f.write(b"x"), s.write(b"x" * 100), t.write(b"y")
    assert os.path.dirname(f.name) == d and tempfile.gettempdir() == "/tmp"
