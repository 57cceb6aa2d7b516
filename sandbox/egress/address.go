package egress

import (
	"net"
	"net/netip"
	"slices"
)

// special are the addresses that are not one host of the public internet, from
// the registries of RFC 6890, and those by which clouds serve their machines.
var special = []struct {
	reason   string
	prefixes []netip.Prefix
}{
	{"unspecified address", ranges("0.0.0.0/8", "::/128")},
	{"loopback address", ranges("127.0.0.0/8", "::1/128")},
	{metadata, ranges("169.254.169.254/32", "fd00:ec2::254/128", "100.100.100.200/32", "192.0.0.192/32", "168.63.129.16/32")},
	{"link-local address", ranges("169.254.0.0/16", "fe80::/10")},
	{"private address", ranges("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10")},
	{"carrier's private address", ranges("100.64.0.0/10")},
	{"benchmarking address", ranges("198.18.0.0/15", "2001:2::/48")},
	{"multicast address", ranges("224.0.0.0/4", "ff00::/8")},
	{"documentation address", ranges("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20")},
	{"reserved address", ranges("192.0.0.0/24", "192.88.99.0/24", "240.0.0.0/4")},
	{"address that wraps an IPv4 one", ranges("::ffff:0:0/96", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")},
	{"reserved address", ranges("2001::/23")},
}

// metadata is why an address is forbidden that only a rule with that very address permits.
const metadata = "metadata address"

// global is what IPv6 has given out so far; nothing else has hosts.
var global = netip.MustParsePrefix("2000::/3")

func ranges(texts ...string) []netip.Prefix {
	var ps []netip.Prefix
	for _, text := range texts {
		ps = append(ps, netip.MustParsePrefix(text))
	}
	return ps
}

// Forbidden says why no name may lead to an address, such as "loopback address";
// it is empty for an address of the public internet.
func Forbidden(a netip.Addr) string {
	if !a.IsValid() || a.Zone() != "" {
		return "invalid address"
	}
	for _, s := range special {
		for _, p := range s.prefixes {
			if p.Contains(a) || mapped(p, a) {
				return s.reason
			}
		}
	}
	if a.Is6() && !global.Contains(a) {
		return "reserved address"
	}
	return ""
}

// isOwn says whether an address is one of this machine's, which may be public: a
// firewall that keeps others from its services does not keep the machine itself.
// It is true when that cannot be found out.
func isOwn(a netip.Addr) bool {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return true
	}
	return slices.ContainsFunc(all, func(has net.Addr) bool {
		p, err := netip.ParsePrefix(has.String())
		return err == nil && p.Addr().Unmap().WithZone("") == a.Unmap()
	})
}

// mapped makes up for netip, whose prefixes never contain IPv4-mapped addresses.
func mapped(p netip.Prefix, a netip.Addr) bool {
	return a.Is4In6() && p == netip.MustParsePrefix("::ffff:0:0/96")
}
