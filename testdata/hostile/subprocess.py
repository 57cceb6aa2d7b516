# maximum=denied standard=completed: runs a program of the environment
import subprocess
subprocess.run(["/usr/bin/id"], check=True)
