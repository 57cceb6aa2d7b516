# maximum=failed strict=failed standard=completed minimal=completed; none; preloads a library that it wrote itself
import glob, os, shutil, subprocess
shutil.copy(glob.glob("/usr/lib/*-linux-gnu/libz.so.1*")[0], "/scratch/x.so")
done = subprocess.run(["/usr/bin/cat", "/proc/self/maps"], env={"LD_PRELOAD": "/scratch/x.so"}, capture_output=True)
mapped = [line for line in done.stdout.splitlines() if b"/scratch/x.so" in line]
print("ESCAPED" if any(b"x" in line.split()[1] for line in mapped) else "")
