package virt

import (
	"fmt"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
)

// hypervisors are the drivers that a URI may name.
var hypervisors = []string{"qemu", "test", "xen", "lxc", "ch", "vbox", "bhyve"}

// transports are the ways to another process or host. tcp is not among them: it
// is neither encrypted nor authenticated (C10).
var transports = []string{"", "unix", "ssh", "tls"}

// places are the paths of URIs: which daemon of a host is meant.
var places = []string{"/", "/system", "/session", "/default"}

// CheckURI says why a text is no URI of a libvirt host that can be allowed: the
// driver and the transport are known ones, nothing in it runs a command, names a
// key or turns a check off.
func CheckURI(text string) error {
	if err := checkPrintable(text); err != nil {
		return err
	}
	if len(text) > MaxText {
		return fmt.Errorf("is longer than %d bytes", MaxText)
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" {
		return fmt.Errorf("is no URI such as qemu:///system")
	}
	driver, transport, _ := strings.Cut(u.Scheme, "+")
	if !slices.Contains(hypervisors, driver) {
		return fmt.Errorf("names the driver %q, which is none of %s", driver, strings.Join(hypervisors, ", "))
	}
	if !slices.Contains(transports, transport) {
		return fmt.Errorf("uses the transport %q; only unix, ssh and tls are safe", transport)
	}
	if u.Fragment != "" || u.Opaque != "" {
		return fmt.Errorf("has parts that no libvirt URI has")
	}
	if _, has := u.User.Password(); has {
		return fmt.Errorf("carries a password")
	}
	if strings.HasPrefix(u.Host, "-") || strings.HasPrefix(u.User.Username(), "-") {
		return fmt.Errorf("has a host or a user that ssh would take for an option")
	}
	if u.Host == "" && (transport == "ssh" || transport == "tls") {
		return fmt.Errorf("names no host")
	}
	if u.Path != "" && !slices.Contains(places, u.Path) {
		return fmt.Errorf("has the path %q, which is none of %s", u.Path, strings.Join(places, ", "))
	}
	if driver == "test" && u.Path != "/default" {
		return fmt.Errorf("makes the test driver read a file; only /default is allowed")
	}
	return checkExtras(u, transport)
}

// The ways to a host, as Transport tells them.
const (
	Local     = "unix" // on this machine: a socket in the file system, or no process at all
	SecureTLS = "tls"
	SecureSSH = "ssh"
)

// Transport is how libvirt gets to the host of a URI that CheckURI takes: Local,
// SecureTLS or SecureSSH. A host without a transport is TLS's. What cannot be read
// is Local, from where nothing elsewhere can be reached.
func Transport(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return Local
	}
	_, transport, _ := strings.Cut(u.Scheme, "+")
	switch {
	case transport == SecureSSH || transport == SecureTLS:
		return transport
	case transport == "" && u.Host != "":
		return SecureTLS
	}
	return Local
}

// Port is the TCP port of a URI's host over TLS.
func Port(uri string) uint16 {
	if u, err := url.Parse(uri); err == nil {
		if port, err := strconv.ParseUint(u.Port(), 10, 16); err == nil {
			return uint16(port)
		}
	}
	return 16514
}

// checkExtras refuses all parameters but the path of a local socket: others name
// a command to run (command, netcat), keys (keyfile, pkipath), or switch
// verification off (no_verify, no_tty).
func checkExtras(u *url.URL, transport string) error {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return fmt.Errorf("has a query that cannot be read")
	}
	for name, values := range query {
		if name != "socket" || transport != "unix" {
			return fmt.Errorf("has the extra parameter %q, which is not allowed", name)
		}
		if len(values) != 1 || !path.IsAbs(values[0]) || path.Clean(values[0]) != values[0] {
			return fmt.Errorf("has a socket that is no absolute path")
		}
	}
	return nil
}
