package sandbox

import (
	"os"
	"path/filepath"
)

// Environment is what programs of one kind need in their root.
type Environment struct {
	Binds []string
	Files []File
}

// hostBinds are the parts of the host that its programs need and that hold no
// secrets: the system's programs and libraries, the loader's cache, the links by
// which Debian chooses libraries, public certificates, the time zone.
var hostBinds = []string{
	"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
	"/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives",
	"/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/pki/tls/certs", "/etc/localtime", "/etc/mime.types",
}

// hostFiles stand in for files of the host that name its people and networks.
var hostFiles = []File{
	{Path: "/etc/passwd", Content: []byte("sandbox:x:1000:1000::/:/usr/sbin/nologin\nnobody:x:65534:65534::/:/usr/sbin/nologin\n")},
	{Path: "/etc/group", Content: []byte("sandbox:x:1000:\nnogroup:x:65534:\n")},
	{Path: "/etc/hosts", Content: []byte("127.0.0.1 localhost\n::1 localhost\n127.0.1.1 " + hostname + "\n")},
	{Path: "/etc/nsswitch.conf", Content: []byte("passwd: files\ngroup: files\nhosts: files dns\n")},
}

// HostEnvironment lets a sandbox run programs that the host's own package
// manager installed, such as /usr/bin/python3. The caller may append to it.
func HostEnvironment() Environment {
	var e Environment
	for _, b := range hostBinds {
		if usable(b) {
			e.Binds = append(e.Binds, b)
		}
	}
	e.Files = append(e.Files, hostFiles...)
	return e
}

// usable says whether a path is there and, being a link, leads somewhere.
func usable(path string) bool {
	_, err := os.Stat(path)
	if err != nil {
		return false
	}
	_, err = filepath.EvalSymlinks(path)
	return err == nil
}
