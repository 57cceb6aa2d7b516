# standard minimal
import subprocess
assert subprocess.run(["/usr/bin/sort", "-r"], input=b"a\nb\n", capture_output=True, check=True).stdout == b"b\na\n"
assert subprocess.check_output("echo $((1+1)) | cat; seq 3 | tac", shell=True) == b"2\n3\n2\n1\n"
p = subprocess.Popen(["sleep", "60"])
p.terminate()
assert p.wait() == -15
