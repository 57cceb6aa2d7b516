# maximum strict standard minimal
import os, pathlib, fnmatch, glob
assert pathlib.Path(__file__).read_text().startswith("#")
assert "python3" in os.listdir("/usr/bin") and glob.glob("/usr/lib/python3*")
assert not os.path.exists("/no/such") and os.stat("/").st_mode
for _, d, f in os.walk("/etc"):
    pass
