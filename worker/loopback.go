package worker

import "net"

// The flags whose address this program listens on. What is served in the clear, or
// to whoever comes, stays on this machine (C03, C16): each of them is refused unless
// its address is a loopback one, or TLS and a token protect what is there.
const (
	temporalFlag = "address"
	uiFlag       = "ui-address"
	metricsFlag  = "metrics-address"
	ingressFlag  = "event-listen"
	codecFlag    = "address"
)

// loopback refuses a flag's address that others could reach; remedy is what to do
// instead.
func loopback(flag, address, remedy string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return invalid("give it as host:port, such as 127.0.0.1:9464", "--%s: address %q: %w", flag, address, err)
	}
	if !isLoopback(host) {
		return invalid(remedy, "--%s: address %q is not a loopback address", flag, address)
	}
	return nil
}

// loopbackAddress tells whether a host:port is on this machine.
func loopbackAddress(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && isLoopback(host)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
