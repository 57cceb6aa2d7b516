package sandbox

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/sandbox/egress"
	"lazaret.dev/lazaret/sandbox/initproc"
)

// firstSocket is where the sockets lie that are handed to the worker: above what
// the helper, whose table pid 1 shares, has open.
const firstSocket = 64

// backlog is how many connections wait for the worker to take them.
const backlog = 128

// network brings the loopback interface up, makes the listeners of the mode in
// the sandbox's namespace, and hands them to the worker, in the order of
// Network.sockets. No process of the sandbox keeps one.
func (p *plan) network(n Network) {
	if n.Mode == NoNetwork {
		return
	}
	defer p.scope()()
	wanted := n.sockets()
	p.interfaces(n)
	for i, s := range wanted {
		p.listener(firstSocket+i, s)
	}
	p.handOver("hand over the network's sockets", initproc.Sockets, len(wanted))
	p.call("close the network's sockets", unix.SYS_CLOSE_RANGE, num(firstSocket), num(firstSocket+len(wanted)-1), num(0))
}

// interfaces makes the synthetic addresses local as those of 127.0.0.0/8 are: on
// a loopback interface an address stands for its whole range.
func (p *plan) interfaces(n Network) {
	control := p.save("open a socket for the interface", unix.SYS_SOCKET, num(unix.AF_INET), num(unix.SOCK_DGRAM|unix.SOCK_CLOEXEC), num(0))
	p.call("bring the loopback interface up", unix.SYS_IOCTL, control, num(unix.SIOCSIFFLAGS), p.bytes(ifreqFlags("lo", unix.IFF_UP)))
	if n.Mode == Transparent {
		address := netip.AddrPortFrom(egress.Synthetic.Addr().Next(), 0)
		mask := netip.AddrPortFrom(netip.AddrFrom4([4]byte{0xff, 0xfe}), 0)
		p.call("add the synthetic addresses", unix.SYS_IOCTL, control, num(unix.SIOCSIFADDR), p.bytes(ifreqAddress("lo:1", address)))
		p.call("widen the synthetic addresses", unix.SYS_IOCTL, control, num(unix.SIOCSIFNETMASK), p.bytes(ifreqAddress("lo:1", mask)))
	}
	p.call("close the interface's socket", unix.SYS_CLOSE, control)
}

// listening is one socket that the worker is to have.
type listening struct {
	kind int // unix.SOCK_STREAM or unix.SOCK_DGRAM
	at   netip.AddrPort
}

// sockets lists those of the mode: the proxy's, then the DNS stub's two, then one
// for each port that is answered directly.
func (n Network) sockets() []listening {
	sockets := []listening{{unix.SOCK_STREAM, addressOf(proxyAddress, proxyPort)}}
	if n.Mode != Transparent {
		return sockets
	}
	names := addressOf(namesAddress, namesPort)
	sockets = append(sockets, listening{unix.SOCK_DGRAM, names}, listening{unix.SOCK_STREAM, names})
	for _, port := range n.direct() {
		sockets = append(sockets, listening{unix.SOCK_STREAM, addressOf("0.0.0.0", port)})
	}
	return sockets
}

func addressOf(host string, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(host), port)
}

func (p *plan) listener(fd int, l listening) {
	defer p.scope()()
	s := p.save("make a socket", unix.SYS_SOCKET, num(unix.AF_INET), num(l.kind|unix.SOCK_CLOEXEC), num(0))
	p.call(quoted("bind", l.at.String()), unix.SYS_BIND, s, p.bytes(sockaddr(l.at)), num(unix.SizeofSockaddrInet4))
	if l.kind == unix.SOCK_STREAM {
		p.call(quoted("listen on", l.at.String()), unix.SYS_LISTEN, s, num(backlog))
	}
	p.call("place a socket", unix.SYS_DUP3, s, num(fd), num(unix.O_CLOEXEC))
	p.call("close", unix.SYS_CLOSE, s)
}

// handOver sends the worker one message with the descriptors from firstSocket.
func (p *plan) handOver(name string, kind initproc.MessageKind, count int) {
	payload := initproc.Message{Kind: kind}.Bytes()
	iov := p.words(p.bytes(payload).Value, uint64(len(payload)))
	p.pointer(iov, 0)
	rights := make([]int, count)
	for i := range rights {
		rights[i] = firstSocket + i
	}
	control := unix.UnixRights(rights...)
	message := p.words(0, 0, iov.Value, 1, p.bytes(control).Value, uint64(len(control)), 0)
	p.pointer(message, 2)
	p.pointer(message, 4)
	p.call(name, unix.SYS_SENDMSG, reg(initproc.RegControl), message, num(0)).Min = uint64(len(payload))
}

// sockaddr is struct sockaddr_in.
func sockaddr(a netip.AddrPort) []byte {
	b := binary.LittleEndian.AppendUint16(nil, unix.AF_INET)
	b = binary.BigEndian.AppendUint16(b, a.Port())
	ip := a.Addr().As4()
	return append(append(b, ip[:]...), make([]byte, 8)...)
}

// sizeofIfreq is the size of struct ifreq, whose name takes the first 16 bytes.
const sizeofIfreq = 40

func ifreq(name string, value []byte) []byte {
	b := make([]byte, sizeofIfreq)
	copy(b, name)
	copy(b[unix.IFNAMSIZ:], value)
	return b
}

func ifreqFlags(name string, flags uint16) []byte {
	return ifreq(name, binary.LittleEndian.AppendUint16(nil, flags))
}

func ifreqAddress(name string, a netip.AddrPort) []byte { return ifreq(name, sockaddr(a)) }

// connectPorts lets a Landlock domain connect to the ports, and bind none:
// struct landlock_net_port_attr is {u64 access, port}.
func (p *plan) connectPorts(ruleset initproc.Arg, ports []uint16, abi landlockABI) {
	if _, network, _ := abi.handled(); network == 0 {
		return
	}
	for _, port := range ports {
		p.call(fmt.Sprintf("grant port %d by Landlock", port), unix.SYS_LANDLOCK_ADD_RULE, ruleset,
			num(landlockRuleNetPort), p.words(unix.LANDLOCK_ACCESS_NET_CONNECT_TCP, uint64(port)), num(0))
	}
}

// landlockRuleNetPort is LANDLOCK_RULE_NET_PORT, linux/landlock.h.
const landlockRuleNetPort = 2
