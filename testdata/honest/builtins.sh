# strict standard minimal
set -eu
x=abc
[ "${x#a}" = bc ] && printf '%s\n' "$x"
read -r line </etc/passwd
echo "$line"
