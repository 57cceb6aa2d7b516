# standard minimal
import zipfile, tarfile, os
os.chdir("/tmp")
open("f", "w").write("x" * 100000)
with zipfile.ZipFile("z.zip", "w", zipfile.ZIP_DEFLATED) as z:
    z.write("f")
with tarfile.open("t.tgz", "w:gz") as t:
    t.add("f")
zipfile.ZipFile("z.zip").extractall("/scratch")
tarfile.open("t.tgz").extractall("/scratch/t")
assert os.path.getsize("/scratch/t/f") == 100000
