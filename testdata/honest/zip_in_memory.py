# maximum strict standard minimal
import io, zipfile, tarfile
b = io.BytesIO()
with zipfile.ZipFile(b, "w") as z:
    z.writestr("a/b", "x" * 1000)
assert zipfile.ZipFile(b).read("a/b") == b"x" * 1000
t = io.BytesIO()
with tarfile.open(fileobj=t, mode="w:gz") as f:
    f.addfile(tarfile.TarInfo("x"))
