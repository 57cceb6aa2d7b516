# maximum=failed strict=failed standard=failed minimal=failed; none; has the loader run a program that it wrote itself
import glob, os, shutil, subprocess
shutil.copy("/usr/bin/id", "/scratch/id")
done = subprocess.run([glob.glob("/lib*/ld-linux-*.so.[12]")[0], "/scratch/id"], capture_output=True)
print("ESCAPED" if done.returncode == 0 else "")
raise SystemExit(1)
