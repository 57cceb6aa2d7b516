package virttest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// SSHPort is where a Remote's sshd listens.
const SSHPort = 2222

// Remote is a daemon that is reached over TLS at 127.0.0.1 and 127.0.0.2, of which
// its certificate has the first alone, and by ssh, in a network of its own. Its
// clients need a certificate of its authority.
type Remote struct {
	*Daemon
	tb testing.TB
}

// StartRemote starts a daemon that others reach.
func StartRemote(tb testing.TB) *Remote {
	tb.Helper()
	if _, err := os.Stat("/usr/sbin/sshd"); err != nil {
		missing(tb, err)
	}
	return &Remote{start(tb, nil, func(dir string) {
		authority := newAuthority(tb, "lazaret tests")
		authority.keep(tb, dir, "server", &x509.Certificate{IPAddresses: []net.IP{{127, 0, 0, 1}}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
		authority.keep(tb, dir, "client", client())
		stranger := newAuthority(tb, "strangers")
		stranger.keep(tb, dir, "stranger", client())
		write(tb, dir, "remote.conf", fmt.Sprintf(`
listen_tls = 1
listen_addr = "0.0.0.0"
ca_file = "%[1]s/server-ca.pem"
cert_file = "%[1]s/server.pem"
key_file = "%[1]s/server-key.pem"
crl_file = ""
auth_tls = "none"
`, dir))
		for _, key := range []string{"client-ssh", "client-host", "stranger-host"} {
			out, err := exec.CommandContext(tb.Context(), "/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, key)).CombinedOutput() //nolint:gosec // ours
			require.NoError(tb, err, "%s", out)
		}
		write(tb, dir, "sshd.conf", fmt.Sprintf(`
Port %[2]d
ListenAddress 127.0.0.1
HostKey %[1]s/client-host
AuthorizedKeysFile %[1]s/client-ssh.pub
StrictModes no
UsePAM no
UseDNS no
PasswordAuthentication no
PermitRootLogin prohibit-password
PidFile none
`, dir, SSHPort))
	}), tb}
}

func client() *x509.Certificate {
	return &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
}

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	serial      int64
}

func newAuthority(tb testing.TB, name string) *authority {
	tb.Helper()
	a := &authority{key: newKey(tb)}
	a.certificate = a.sign(tb, &x509.Certificate{
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, Subject: pkix.Name{CommonName: name},
	}, nil, &a.key.PublicKey)
	return a
}

func newKey(tb testing.TB) *ecdsa.PrivateKey {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(tb, err)
	return key
}

func (a *authority) sign(tb testing.TB, template, parent *x509.Certificate, key *ecdsa.PublicKey) *x509.Certificate {
	tb.Helper()
	a.serial++
	template.SerialNumber = big.NewInt(a.serial)
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key, a.key)
	require.NoError(tb, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(tb, err)
	return certificate
}

// keep writes a new certificate, its key and the authority's certificate as files.
func (a *authority) keep(tb testing.TB, dir, name string, template *x509.Certificate) {
	tb.Helper()
	key := newKey(tb)
	template.KeyUsage, template.Subject = x509.KeyUsageDigitalSignature|x509.KeyUsageKeyEncipherment, pkix.Name{CommonName: name}
	certificate := a.sign(tb, template, a.certificate, &key.PublicKey)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(tb, err)
	for file, block := range map[string]*pem.Block{
		name + ".pem":     {Type: "CERTIFICATE", Bytes: certificate.Raw},
		name + "-key.pem": {Type: "PRIVATE KEY", Bytes: secret},
		name + "-ca.pem":  {Type: "CERTIFICATE", Bytes: a.certificate.Raw},
	} {
		write(tb, dir, file, string(pem.EncodeToMemory(block)))
	}
}

func write(tb testing.TB, dir, name, text string) {
	tb.Helper()
	require.NoError(tb, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600)) //nolint:gosec // both are the test's own
}

// Client is who connects to a Remote: it trusts the authority, and the key of a host,
// of "client", which are right, or of "stranger"; it has the certificate and the key
// of one of these; "" is none.
type Client struct {
	Trusts, Is string
	User       bool // an ordinary user, and not root
}

// ordinary is the user's id and group.
const ordinary = 12345

// home is where each sort of client has its keys.
var home = map[bool]map[string]string{
	false: {"authority": "pki/CA/cacert.pem", "certificate": "pki/libvirt/clientcert.pem", "key": "pki/libvirt/private/clientkey.pem", "ssh": "ssh"},
	true:  {"authority": "user/.pki/libvirt/cacert.pem", "certificate": "user/.pki/libvirt/clientcert.pem", "key": "user/.pki/libvirt/clientkey.pem", "ssh": "user/.ssh"},
}

// Command runs this program again as a client in the daemon's network, with the keys
// in /etc/pki and in root's .ssh, or in the user's home, for it alone.
func (r *Remote) Command(c Client) *exec.Cmd {
	r.tb.Helper()
	dir, to := r.tb.TempDir(), home[c.User]
	for _, folder := range []string{"pki", "ssh", "user"} {
		require.NoError(r.tb, os.MkdirAll(filepath.Join(dir, folder), 0o700))
	}
	for file, from := range map[string]string{
		to["authority"]: c.Trusts + "-ca.pem", to["certificate"]: c.Is + ".pem", to["key"]: c.Is + "-key.pem",
		to["ssh"] + "/id_ed25519": c.Is + "-ssh", to["ssh"] + "/known_hosts": c.Trusts + "-host.pub",
	} {
		text, err := os.ReadFile(filepath.Join(r.Dir, from))
		if os.IsNotExist(err) {
			continue // it is to have none
		}
		require.NoError(r.tb, err)
		if filepath.Base(file) == "known_hosts" {
			text = fmt.Appendf(nil, "[127.0.0.1]:%d %s", SSHPort, text)
		}
		require.NoError(r.tb, os.MkdirAll(filepath.Join(dir, filepath.Dir(file)), 0o700))
		write(r.tb, dir, file, string(text))
	}
	const mounts = `mkdir -p /etc/pki /root/.ssh && mount --bind "$0/pki" /etc/pki && mount --bind "$0/ssh" /root/.ssh
{ cat /etc/passwd; echo "ordinary:x:$1:$1::/home:/bin/sh"; } >"$0/passwd" && mount --bind "$0/passwd" /etc/passwd
chown -R "$1" "$0/user" && mount --bind "$0/user" /home && shift && exec "$@"`
	self, err := os.Open("/proc/self/exe")
	require.NoError(r.tb, err)
	r.tb.Cleanup(func() { _ = self.Close() })
	command := []string{"-t", r.pid(), "-n", "/usr/bin/unshare", "-m", "/bin/sh", "-ec", mounts, dir, fmt.Sprint(ordinary)}
	environment := append(os.Environ(), "HOME=/root")
	if c.User {
		environment = append(os.Environ(), "HOME=/home")
		command = append(command, "/usr/bin/setpriv", fmt.Sprint("--reuid=", ordinary), fmt.Sprint("--regid=", ordinary), "--clear-groups", "--inh-caps=-all")
	}
	cmd := exec.CommandContext(r.tb.Context(), "/usr/bin/nsenter", append(command, "/proc/self/fd/3")...) //nolint:gosec // all of it is ours
	cmd.ExtraFiles = []*os.File{self}                                                                     // which lies where the user cannot go
	cmd.Env = environment
	return cmd
}
