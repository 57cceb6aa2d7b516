# standard minimal
import subprocess
script = """set -e
cd /scratch
printf 'b 2\\na 1\\n' > x
sort x | awk '{ s += $2 } END { print s }'
grep -c . x; sed -i s/b/c/ x; head -1 x; cp x y; mv y z; find . -type f | wc -l
tar czf t.tgz x z; gzip -k x; sha256sum x >/dev/null; diff x z; date -u -d @0 +%Y; mktemp >/dev/null; ls -l >/dev/null"""
assert subprocess.check_output(["/bin/bash", "-c", script]) == b"3\n2\nc 2\n2\n1970\n"
