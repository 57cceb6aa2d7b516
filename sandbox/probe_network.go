package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/sandbox/egress"
)

// probeName is a name that only the probe's own resolver knows.
const probeName = "probe.lazaret.invalid"

// network lets a sandbox ask a server of this process's, by a listed name and
// through the proxy: the interface, the handed-over sockets and the proxy all
// have to work.
func (p *probe) network(r *Runner) (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(p.ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{
		ReadHeaderTimeout: 5 * time.Second,
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "here") }),
	}
	go func() { _ = server.Serve(listener) }()
	defer func() { _ = server.Close() }()
	port := listener.Addr().(*net.TCPAddr).Port
	rules, err := egress.ParseRules([]string{fmt.Sprintf("%s:%d", probeName, port), fmt.Sprintf("127.0.0.1:%d", port)})
	if err != nil {
		return "", err
	}
	spec := trialSpec(r.features.arch)
	spec.MayLack = Features()
	spec.Network = Network{Mode: Proxied, Rules: rules, Resolver: loopbackResolver{}}
	spec.Proc = !r.features.lacksFeature(FreshProc)
	result, err := r.trial(p.ctx, &spec)
	if err != nil {
		return "", err
	}
	for _, c := range result.Connections {
		if c.Host == probeName && c.Failure == "" && c.BytesIn > 0 {
			return "a listed host answered through the proxy", nil
		}
	}
	return "", fmt.Errorf("no answer through the proxy: %s, %v", result.Outcome, result.Connections)
}

// loopbackResolver knows one name.
type loopbackResolver struct{}

func (loopbackResolver) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	if host != probeName {
		return nil, errors.New("unknown to the probe")
	}
	return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}, nil
}

// ask has a trial's process make one request to the first listed name.
func (p *plan) ask(n Network) {
	if n.Mode == NoNetwork {
		return
	}
	defer p.scope()()
	target := net.JoinHostPort(probeName, strconv.Itoa(int(n.ports()[0])))
	request := "GET http://" + target + "/ HTTP/1.1\r\nHost: " + target + "\r\nConnection: close\r\n\r\n"
	s := p.save("make a socket", unix.SYS_SOCKET, num(unix.AF_INET), num(unix.SOCK_STREAM|unix.SOCK_CLOEXEC), num(0))
	p.call("connect to the proxy", unix.SYS_CONNECT, s, p.bytes(sockaddr(addressOf(proxyAddress, proxyPort))), num(unix.SizeofSockaddrInet4))
	p.call("ask the proxy", unix.SYS_WRITE, s, p.str(request), num(len(request))).Min = uint64(len(request))
	p.call("read the proxy's answer", unix.SYS_READ, s, p.bytes(make([]byte, 64)), num(64)).Min = 1
}
