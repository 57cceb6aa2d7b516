# standard minimal
import os, shutil, pathlib
os.chdir("/scratch")
p = pathlib.Path("a/b/c")
p.mkdir(parents=True)
(p / "f").write_text("x" * 10000)
shutil.copytree("a", "d")
os.rename("d", "e")
assert sum(1 for _ in pathlib.Path(".").rglob("*")) == 8
shutil.rmtree("a"), os.chmod("e/b/c/f", 0o600), os.symlink("e", "s"), os.link("e/b/c/f", "l"), os.utime("l"), os.truncate("l", 5)
assert os.path.getsize("s/b/c/f") == 5
