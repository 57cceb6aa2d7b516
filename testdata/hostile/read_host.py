# maximum=completed strict=completed standard=completed minimal=completed; none; looks for anything of the host beside its programs
import os
for path in ("/root", "/home", "/work", "/var", "/run", "/sys", "/boot", "/etc/shadow", "/etc/ssh", "/proc/1/environ",
             "/proc/1/root", "/proc/1/cwd", "/proc/kcore", "/proc/sys", "/proc/keys", "/dev/mem", "/dev/vda", "/dev/tty", "/old_root"):
    if os.path.lexists(path):
        try:
            os.listdir(path) if os.path.isdir(path) else open(path).read(1)
        except OSError:
            continue
        print("ESCAPED", path)
