package callstest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// StartKafka starts a cluster of one broker that speaks Kafka's protocol, in this
// process, with the topics of one partition each; with a certificate, over TLS and
// for ada alone. Its broker names itself by an address of loopback.
func StartKafka(certificate *tls.Certificate, password string, topics ...string) (*kfake.Cluster, error) {
	options := []kfake.Opt{kfake.NumBrokers(1), kfake.SeedTopics(1, topics...)}
	if certificate != nil {
		options = append(options,
			kfake.TLS(&tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*certificate}}),
			kfake.EnableSASL(), kfake.Superuser("PLAIN", "ada", password))
	}
	return kfake.NewCluster(options...)
}

// Mosquitto is Eclipse's broker, a process of its own.
type Mosquitto struct {
	Plain  string // host:port, for everybody
	Secure string // host:port with TLS, for ada alone

	process *exec.Cmd
	said    bytes.Buffer
}

// ErrNoMosquitto says that the broker is not installed.
var ErrNoMosquitto = errors.New("mosquitto is not installed; scripts/install test installs it")

// StartMosquitto starts the broker with its files in dir.
func StartMosquitto(dir string, certificate tls.Certificate, password string) (*Mosquitto, error) {
	program, err := exec.LookPath("mosquitto")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/mosquitto"); err != nil {
			return nil, ErrNoMosquitto
		}
	}
	m := &Mosquitto{}
	if err := m.configure(dir, certificate, password); err != nil {
		return nil, fmt.Errorf("mosquitto: %w", err)
	}
	m.process = exec.CommandContext(context.Background(), program, "-c", filepath.Join(dir, "mosquitto.conf")) //nolint:gosec // a test's own files
	m.process.Stdout, m.process.Stderr = &m.said, &m.said
	if err := m.process.Start(); err != nil {
		return nil, fmt.Errorf("mosquitto: %w", err)
	}
	for range 300 {
		if listens(m.Plain) && listens(m.Secure) {
			return m, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	m.Stop()
	return nil, fmt.Errorf("mosquitto does not listen: %s", m.said.String())
}

func listens(address string) bool {
	connection, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", address)
	if err != nil {
		return false
	}
	_ = connection.Close()
	return true
}

func (m *Mosquitto) configure(dir string, certificate tls.Certificate, password string) error {
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		return err
	}
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: certificate.Certificate[0]}, "key.pem": {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			return err
		}
	}
	passwords := filepath.Join(dir, "passwords")
	if said, err := exec.CommandContext(context.Background(), "mosquitto_passwd", "-c", "-b", passwords, "ada", password).CombinedOutput(); err != nil { //nolint:gosec // a test's own
		return fmt.Errorf("mosquitto_passwd: %w: %s", err, said)
	}
	if m.Plain, err = freePort(); err != nil {
		return err
	}
	if m.Secure, err = freePort(); err != nil {
		return err
	}
	text := fmt.Sprintf(`user root
per_listener_settings true
persistence false
log_dest stderr
max_queued_messages 0
listener %s 127.0.0.1
allow_anonymous true
listener %s 127.0.0.1
allow_anonymous false
password_file %s
certfile %s/cert.pem
keyfile %s/key.pem
`, port(m.Plain), port(m.Secure), passwords, dir, dir)
	return os.WriteFile(filepath.Join(dir, "mosquitto.conf"), []byte(text), 0o600)
}

func port(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

// freePort is an address of loopback where nobody listens.
func freePort() (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// Stop ends the broker.
func (m *Mosquitto) Stop() {
	_ = m.process.Process.Kill()
	_ = m.process.Wait()
}
