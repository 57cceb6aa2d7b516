from pathlib import Path, PurePosixPath
print(PurePosixPath("a") / "b", Path("a/b.txt").suffix, Path("x").parent.name)
