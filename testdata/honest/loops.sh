# standard minimal
set -eu
total=0
for i in 1 2 3; do total=$((total + i)); done
case $total in 6) echo ok ;; *) exit 1 ;; esac
f=$(mktemp)
echo x | tee "$f" | wc -c
( cd /scratch && mkdir -p a/b && ls )
wait
