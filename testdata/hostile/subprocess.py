# maximum=denied! strict=failed! standard=completed minimal=completed; UnauthorizedSystemCall Medium; runs a program of the environment
import subprocess
subprocess.run(["/usr/bin/id"], check=True)
