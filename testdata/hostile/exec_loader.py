# maximum=failed strict=failed standard=failed minimal=failed; none; has the loader run a program that it wrote itself
import os, shutil, subprocess
shutil.copy("/usr/bin/id", "/scratch/id")
done = subprocess.run(["/lib64/ld-linux-x86-64.so.2", "/scratch/id"], capture_output=True)
print("ESCAPED" if done.returncode == 0 else "")
raise SystemExit(1)
