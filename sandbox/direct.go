package sandbox

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/sandbox/egress"
	"lazaret.dev/lazaret/sandbox/seccomp"
)

// passes says whether a networked program's watched call names an address outside
// its sandbox, or one to listen on. It is denied so that what was tried is seen:
// no such address can be reached from the namespace, whatever the kernel would
// find in that memory if the call went on.
func (s *supervisor) passes(call string, n seccomp.Notification) bool {
	return s.network.Mode != NoNetwork && slices.ContainsFunc(destinations(call, n), func(a socketAddress) bool {
		if !a.ip.IsValid() {
			return false
		}
		if call == "bind" {
			return a.ip.Port() != 0
		}
		return !s.network.inside(a.ip.Addr())
	}) && s.listener.Alive(n)
}

// excuse makes little of what a C library does to choose among addresses: it asks
// the kernel which the machine has, and lives without an answer.
func (n Network) excuse(v Violation, a act) Violation {
	if n.Mode != NoNetwork && a.call == "socket" && uint32(a.args[0]) == unix.AF_NETLINK && uint32(a.args[2]) == unix.NETLINK_ROUTE {
		v.Severity = Low
	}
	return v
}

// inside says whether an address is one of the sandbox's own.
func (n Network) inside(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsLoopback() || a.IsUnspecified() || n.Mode == Transparent && egress.Synthetic.Contains(a)
}

// Sizes and places in struct msghdr and struct mmsghdr.
const (
	mmsghdrSize  = 64
	msgNameLen   = 8
	msgHeadSize  = 12
	maxAddressed = 64 // messages of one sendmmsg that are looked at
)

// destinations reads the addresses that a call on a socket names.
func destinations(call string, stopped seccomp.Notification) []socketAddress {
	m, args := memory{stopped.PID}, stopped.Args
	switch call {
	case "connect", "bind":
		return []socketAddress{m.address(args[1], args[2])}
	case "sendto":
		return []socketAddress{m.address(args[4], args[5])}
	case "sendmsg":
		return []socketAddress{m.destination(args[1])}
	case "sendmmsg":
		var all []socketAddress
		for i := range min(uint64(uint32(args[2])), maxAddressed) {
			all = append(all, m.destination(args[1]+i*mmsghdrSize))
		}
		return all
	}
	return nil
}

// destination reads the address in a struct msghdr.
func (m memory) destination(header uint64) socketAddress {
	b := m.read(header, msgHeadSize)
	if len(b) < msgHeadSize {
		return socketAddress{}
	}
	name := binary.LittleEndian.Uint64(b)
	if name == 0 {
		return socketAddress{}
	}
	return m.address(name, uint64(binary.LittleEndian.Uint32(b[msgNameLen:])))
}
