# script.shell
import subprocess
subprocess.Popen(["echo", "ESCAPED"])
