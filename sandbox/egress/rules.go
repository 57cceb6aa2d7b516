package egress

import (
	"fmt"
	"net/netip"
	"slices"
)

// rules judge targets. The zero value permits nothing.
type rules []Rule

// judge says why a target is not permitted; empty, if it is. A name's address is
// for admits to judge.
func (rs rules) judge(t Target) string {
	host := false
	for _, r := range rs {
		if t.Name != "" && r.matchesName(t.Name) || t.Address.IsValid() && r.matchesAddress(t.Address) {
			host = true
			if r.hasPort(t.Port) {
				return ""
			}
		}
	}
	if host {
		return fmt.Sprintf("port %d is not permitted for this host", t.Port)
	}
	return "host is not permitted"
}

// permit is nil for a target that the rules permit, as far as its name and port
// go, and otherwise a *Denial.
func (rs rules) permit(t Target) error {
	reason := rs.judge(t)
	if reason == "" {
		return nil
	}
	if special := Forbidden(t.Address); t.Address.IsValid() && special != "" {
		return &Denial{ForbiddenAddress, t.String(), special + ", and " + reason}
	}
	return &Denial{NotListed, t.String(), reason}
}

// knows says whether a name is permitted on any port.
func (rs rules) knows(name string) bool {
	return slices.ContainsFunc(rs, func(r Rule) bool { return r.matchesName(name) })
}

// admits says why no connection may go to an address, though its name is
// permitted; empty, if it may.
func (rs rules) admits(a netip.Addr, port uint16) string {
	reason := Forbidden(a)
	if reason == "" && isOwn(a) {
		reason = "address of the worker's own"
	}
	if reason == "" || slices.ContainsFunc(rs, func(r Rule) bool { return r.matchesAddress(a) && r.hasPort(port) }) {
		return ""
	}
	return reason
}

// Ports lists, in order and once each, the ports that any of the rules permits.
func Ports(rs []Rule) []uint16 {
	var ports []uint16
	for _, r := range rs {
		ports = append(ports, r.Ports()...)
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}
