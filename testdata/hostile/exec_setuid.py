# maximum=denied! strict=failed! standard=failed! minimal=failed!; UnauthorizedSystemCall Medium or InvalidPermission High operation 0x2f; becomes root by a setuid program
import os, subprocess
for program in ("/usr/bin/su", "/usr/bin/newgrp", "/usr/bin/mount", "/usr/bin/passwd"):
    if os.path.exists(program):
        subprocess.run([program], stdin=subprocess.DEVNULL, capture_output=True, timeout=2)
done = subprocess.run(["/usr/bin/su", "-c", "id -u"], stdin=subprocess.DEVNULL, capture_output=True, timeout=2)
print("ESCAPED" if done.stdout.strip() == b"0" else "")
raise SystemExit(1)
