package policies

import (
	"slices"

	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/sandbox/seccomp"
)

// internet comes before a level's own rules when a program has a network.
var internet = slices.Concat(internetSockets, options, refusedOptions)

// internetSockets lead nowhere but to the worker's listeners: there is nothing
// else in the program's network namespace. Calls with an address are looked at,
// so that what goes past those is seen.
var internetSockets = []seccomp.Rule{
	allowSocket(unix.AF_INET, unix.SOCK_STREAM, 0), allowSocket(unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_TCP),
	allowSocket(unix.AF_INET6, unix.SOCK_STREAM, 0), allowSocket(unix.AF_INET6, unix.SOCK_STREAM, unix.IPPROTO_TCP),
	allowSocket(unix.AF_INET, unix.SOCK_DGRAM, 0), allowSocket(unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_UDP),
	allowSocket(unix.AF_INET6, unix.SOCK_DGRAM, 0), allowSocket(unix.AF_INET6, unix.SOCK_DGRAM, unix.IPPROTO_UDP),
	seccomp.Call(seccomp.Allow, "sendto").If(seccomp.IsNull(4)),
	seccomp.Call(seccomp.Watch, "connect", "bind", "sendto", "sendmsg", "sendmmsg").Because("they may name an address"),
	seccomp.Call(seccomp.Allow, "recvmmsg"),
}

// options only tune a connection.
var options = slices.Concat(
	allowOptions(unix.SOL_SOCKET, unix.SO_REUSEADDR, unix.SO_REUSEPORT, unix.SO_KEEPALIVE, unix.SO_LINGER, unix.SO_SNDBUF, unix.SO_RCVBUF,
		unix.SO_RCVTIMEO, unix.SO_SNDTIMEO, unix.SO_BROADCAST, unix.SO_OOBINLINE, unix.SO_PASSCRED),
	allowOptions(unix.IPPROTO_TCP, unix.TCP_NODELAY, unix.TCP_MAXSEG, unix.TCP_CORK, unix.TCP_KEEPIDLE, unix.TCP_KEEPINTVL, unix.TCP_KEEPCNT,
		unix.TCP_USER_TIMEOUT, unix.TCP_QUICKACK, unix.TCP_NOTSENT_LOWAT),
	allowOptions(unix.IPPROTO_IP, unix.IP_TOS, unix.IP_RECVERR, unix.IP_MTU_DISCOVER, unix.IP_PKTINFO, unix.IP_BIND_ADDRESS_NO_PORT),
	allowOptions(unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, unix.IPV6_RECVERR, unix.IPV6_TCLASS, unix.IPV6_MTU_DISCOVER),
)

// refusedOptions are programs for the kernel and protocols inside it, which no
// library sets by itself, and then all the rest.
var refusedOptions = []seccomp.Rule{
	option(seccomp.Notify, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER), option(seccomp.Notify, unix.SOL_SOCKET, unix.SO_ATTACH_BPF),
	option(seccomp.Notify, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF), option(seccomp.Notify, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_EBPF),
	option(seccomp.Notify, unix.IPPROTO_TCP, unix.TCP_ULP),
	seccomp.Call(seccomp.Errno(unix.ENOPROTOOPT), "setsockopt").Because("libraries try what a kernel may not have"),
}

func allowSocket(family, kind, protocol uint32) seccomp.Rule {
	return seccomp.Call(seccomp.Allow, "socket").If(seccomp.Is(0, family), seccomp.Bits(1, 0xf, kind), seccomp.Is(2, protocol))
}

func allowOptions(level uint32, names ...uint32) []seccomp.Rule {
	var rules []seccomp.Rule
	for _, name := range names {
		rules = append(rules, option(seccomp.Allow, level, name))
	}
	return rules
}

func option(then seccomp.Verdict, level, name uint32) seccomp.Rule {
	return seccomp.Call(then, "setsockopt").If(seccomp.Is(1, level), seccomp.Is(2, name))
}
