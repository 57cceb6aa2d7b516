package sandbox

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"lazaret.dev/lazaret/sandbox/egress"
)

// Network says which hosts a program may reach. The zero Network is none.
//
// Whatever its mode, the program's network namespace has a loopback interface
// alone: nothing but what the worker carries for it gets out. See package egress.
type Network struct {
	Mode  NetworkMode
	Rules []egress.Rule
	// Resolver looks up the permitted names; this machine's when nil.
	Resolver egress.Resolver
	// Limits bound what the program may ask of the worker; zero fields are egress.DefaultLimits'.
	Limits egress.Limits
}

// NetworkMode is how a program reaches the permitted hosts.
type NetworkMode int

// The modes.
const (
	// NoNetwork leaves the namespace without an interface that is up.
	NoNetwork NetworkMode = iota
	// Proxied programs reach hosts through the HTTP proxy that their environment
	// names (HTTP_PROXY, HTTPS_PROXY).
	Proxied
	// Transparent also lets programs that know no proxy look up the permitted
	// names and connect to their permitted ports.
	Transparent
)

// Where a networked program finds what the worker serves.
const (
	proxyAddress = "127.0.0.1"
	proxyPort    = 3128
	namesAddress = "127.0.0.53"
	namesPort    = 53
)

// maxPorts bounds the listeners of one sandbox.
const maxPorts = 32

// maxSockets is how many sockets one sandbox hands over at most.
const maxSockets = maxPorts + 3

// reservedPorts are taken in every networked sandbox.
var reservedPorts = []uint16{proxyPort, namesPort}

func (n Network) validate() error {
	switch n.Mode {
	case NoNetwork:
		if len(n.Rules) > 0 {
			return fmt.Errorf("network rules without a network")
		}
		return nil
	case Proxied, Transparent:
	default:
		return fmt.Errorf("network mode %d", n.Mode)
	}
	ports := n.ports()
	if len(ports) > maxPorts {
		return fmt.Errorf("network rules with %d ports, at most %d are possible", len(ports), maxPorts)
	}
	for _, p := range ports {
		if n.Mode == Transparent && slices.Contains(reservedPorts, p) {
			return fmt.Errorf("network rules for port %d, which the sandbox itself uses", p)
		}
	}
	return nil
}

func (n Network) ports() []uint16 { return egress.Ports(n.Rules) }

// direct are the ports on which addresses of the DNS stub's are answered.
func (n Network) direct() []uint16 {
	if n.Mode != Transparent {
		return nil
	}
	return n.ports()
}

// connectable are the ports to which a program has any reason to connect.
func (n Network) connectable() []uint16 {
	switch n.Mode {
	case Proxied:
		return []uint16{proxyPort}
	case Transparent:
		return append(n.direct(), reservedPorts...)
	case NoNetwork:
	}
	return nil
}

// environment adds the variables by which programs find a proxy, unless the Spec
// has its own. Nothing goes past it: a listed loopback address is the worker's.
func (s *Spec) environment() []string {
	if s.Network.Mode == NoNetwork {
		return s.Env
	}
	url := "http://" + proxyAddress + ":" + strconv.Itoa(proxyPort)
	env := slices.Clone(s.Env)
	for _, v := range []string{
		"HTTP_PROXY=" + url, "HTTPS_PROXY=" + url, "http_proxy=" + url, "https_proxy=" + url,
		"NO_PROXY=", "no_proxy=", "NODE_USE_ENV_PROXY=1",
	} {
		name, _, _ := strings.Cut(v, "=")
		if !slices.ContainsFunc(s.Env, func(own string) bool { return strings.HasPrefix(own, name+"=") }) {
			env = append(env, v)
		}
	}
	return env
}

const resolvConf = "/etc/resolv.conf"

// files are the Spec's and those that the network needs.
func (s *Spec) files() []File {
	own := func(f File) bool { return f.Path == resolvConf }
	if s.Network.Mode != Transparent || slices.ContainsFunc(s.Files, own) {
		return s.Files
	}
	return append(slices.Clone(s.Files), File{Path: resolvConf, Content: []byte("nameserver " + namesAddress + "\noptions timeout:2 attempts:2\n")})
}
