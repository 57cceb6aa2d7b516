# Runs as pid 1 of new pid, mount and network namespaces; $1 is a folder for sockets,
# $2 the UUID of what it is to take for its host.
set -e
# Migration goes over this address, which must not be localhost's.
ip link set lo up
ip address replace 192.0.2.1/32 dev lo
mount --make-rprivate /
mount -t proc proc /proc
for folder in /var/lib/libvirt /run /etc/libvirt /var/cache/libvirt /var/log/libvirt; do
  mkdir -p "$folder"
  mount -t tmpfs tmpfs "$folder"
done
mkdir -p /run/lock # of consoles
# Debian's libvirtd wants this user, which its package for system-wide daemons makes.
{ cat /etc/passwd; echo 'libvirt-qemu:x:64055:64055::/var/lib/libvirt:/usr/sbin/nologin'; } >"$1/passwd"
{ cat /etc/group; echo 'libvirt-qemu:x:64055:'; echo 'kvm:x:64056:'; } >"$1/group"
mount --bind "$1/passwd" /etc/passwd
mount --bind "$1/group" /etc/group
cat >/etc/libvirt/qemu.conf <<END
security_driver = "none"
user = "root"
group = "root"
cgroup_controllers = []
namespaces = []
stdio_handler = "file"
migration_host = "192.0.2.1"
END
cat >"$1/libvirtd.conf" <<END
unix_sock_dir = "$1/s"
auth_unix_ro = "none"
auth_unix_rw = "none"
unix_sock_rw_perms = "0700"
log_outputs = "3:file:$1/log"
host_uuid = "$2"
END
mkdir -p "$1/s" "$1/pool"
if [ -e "$1/remote.conf" ]; then # it is reached over TLS and by ssh, too
  cat "$1/remote.conf" >>"$1/libvirtd.conf"
  set -- "$1" "$2" --listen
  mkdir -p /run/sshd /run/libvirt
  ln -s "$1/s/libvirt-sock" "$1/s/libvirt-sock-ro" /run/libvirt/
  /usr/sbin/sshd -f "$1/sshd.conf" -E "$1/sshd.log"
fi
# Whoever kills the daemon gets another one, as from systemd.
while :; do
  /usr/sbin/libvirtd -f "$1/libvirtd.conf" -p "$1/pid" $3 || sleep 0.2
done
