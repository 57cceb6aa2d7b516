package egress

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// defaultPorts are those of a rule that names none: HTTPS and HTTP.
var defaultPorts = []uint16{443, 80}

// Rule permits connections to some hosts on some ports. Make one with ParseRule;
// the zero Rule permits nothing.
type Rule struct {
	name   string       // canonical; of a wildcard what comes after "*."
	scope  scope        // what name or prefix stands for
	prefix netip.Prefix // of addresses, when scope is addresses
	port   uint16       // 0: defaultPorts
}

type scope int

const (
	nothing   scope = iota
	oneName         // name itself
	subdomain       // every name below name, at any depth
	anyName         // every name
	addresses       // every address in prefix
)

// RuleError says which rule cannot be read, why, and what it should be.
type RuleError struct {
	Rule   string
	Reason string
	Remedy string
}

func (e *RuleError) Error() string {
	return fmt.Sprintf("network rule %.100q: %s; %s", e.Rule, e.Reason, e.Remedy)
}

const ruleForms = "write host, host:port, *.host, *, or an address or range such as 10.1.0.0/16:8080"

// ParseRule reads a rule:
//
//	api.example.com        that host, on the ports 443 and 80
//	api.example.com:8443   that host, on that port
//	*.example.com          every name below example.com, at any depth, not itself
//	*                      every name
//	10.1.0.0/16:8080       addresses, also for names that have such an address
//	[fd00::/8]:8080        likewise
//
// A name may be internationalized, in any case, and end in a dot. Names never
// permit addresses that are not public; a rule with addresses does. Its error is
// a *RuleError.
func ParseRule(text string) (Rule, error) {
	host, port, err := ruleParts(text)
	if err != nil {
		return Rule{}, &RuleError{text, err.Error(), ruleForms}
	}
	r := Rule{port: port}
	if addressLike(host) {
		r.scope = addresses
		r.prefix, err = parsePrefix(host)
	} else {
		r.name, r.scope, err = parsePattern(host)
	}
	if err != nil {
		return Rule{}, &RuleError{text, err.Error(), ruleForms}
	}
	return r, nil
}

// ParseRules reads rules as ParseRule does and stops at the first that it cannot read.
func ParseRules(texts []string) ([]Rule, error) {
	rules := make([]Rule, len(texts))
	for i, text := range texts {
		var err error
		if rules[i], err = ParseRule(text); err != nil {
			return nil, err
		}
	}
	return rules, nil
}

// ruleParts separates a port, if there is one. An IPv6 address with a port is in brackets.
func ruleParts(text string) (string, uint16, error) {
	if strings.Contains(text, "://") {
		return "", 0, errors.New("it is a URL")
	}
	if inner, ok := strings.CutPrefix(text, "["); ok {
		host, rest, closed := strings.Cut(inner, "]")
		portText, ported := strings.CutPrefix(rest, ":")
		switch {
		case !closed || !strings.Contains(host, ":") || rest != "" && !ported:
			return "", 0, errors.New("brackets are for an IPv6 address, before a colon and a port")
		case rest == "":
			return host, 0, nil
		}
		port, err := parsePort(portText)
		return host, port, err
	}
	host, portText, found := strings.Cut(text, ":")
	if !found || strings.Contains(portText, ":") {
		return text, 0, nil
	}
	port, err := parsePort(portText)
	return host, port, err
}

// addressLike tells a range or an address from a name.
func addressLike(host string) bool {
	if strings.ContainsAny(host, "/:") {
		return true
	}
	_, err := netip.ParseAddr(host)
	return err == nil
}

// broadest is the least number of bits that a range must have, for IPv4 and for
// IPv6: a broader one would take in loopback and link-local addresses that its
// author did not think of.
func broadest(a netip.Addr) int {
	if a.Is4() {
		return 8
	}
	return 7
}

func parsePrefix(host string) (netip.Prefix, error) {
	addressText, bits, isRange := strings.Cut(host, "/")
	a, err := canonicalAddress(addressText)
	if err != nil {
		return netip.Prefix{}, err
	}
	if !isRange {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	n, err := strconv.Atoi(bits)
	if err != nil || n > a.BitLen() || strconv.Itoa(n) != bits {
		return netip.Prefix{}, fmt.Errorf("range of %.5q bits", bits)
	}
	p := netip.PrefixFrom(a, n)
	if n < broadest(a) {
		return p, fmt.Errorf("a range of fewer than %d bits takes in the machine itself", broadest(a))
	}
	if p.Masked() != p {
		return p, fmt.Errorf("the range is %s", p.Masked())
	}
	return p, nil
}

func parsePattern(host string) (string, scope, error) {
	if host == "*" {
		return "", anyName, nil
	}
	base, wild := strings.CutPrefix(host, "*.")
	name, err := canonicalName(base)
	if err != nil {
		return "", nothing, err
	}
	if wild {
		return name, subdomain, nil
	}
	return name, oneName, nil
}

// String is the rule in its canonical form, which ParseRule reads.
func (r Rule) String() string {
	var text string
	switch r.scope {
	case nothing:
		return ""
	case oneName:
		text = r.name
	case subdomain:
		text = "*." + r.name
	case anyName:
		text = "*"
	case addresses:
		text = r.addressText()
	}
	if r.port != 0 {
		text += ":" + strconv.Itoa(int(r.port))
	}
	return text
}

func (r Rule) addressText() string {
	text := r.prefix.String()
	if r.prefix.IsSingleIP() {
		text = r.prefix.Addr().String()
	}
	if r.prefix.Addr().Is6() {
		text = "[" + text + "]"
	}
	return text
}

// IsWildcard says whether the rule stands for more names than it could list.
func (r Rule) IsWildcard() bool { return r.scope == subdomain || r.scope == anyName }

// IsAny says whether the rule stands for every name.
func (r Rule) IsAny() bool { return r.scope == anyName }

// Ports are the ports that the rule permits.
func (r Rule) Ports() []uint16 {
	if r.port != 0 {
		return []uint16{r.port}
	}
	return slices.Clone(defaultPorts)
}

func (r Rule) hasPort(port uint16) bool {
	if r.port != 0 {
		return r.port == port
	}
	return slices.Contains(defaultPorts, port)
}

// matchesName says whether a canonical name is one that the rule stands for.
func (r Rule) matchesName(name string) bool {
	switch r.scope {
	case oneName:
		return name == r.name
	case subdomain:
		return strings.HasSuffix(name, "."+r.name)
	case anyName:
		return true
	case nothing, addresses:
	}
	return false
}

// matchesAddress says whether the rule stands for an address. A metadata address
// is in no range: credentials are to be had there, and who lists a range of
// neighbours does not mean to give those away.
func (r Rule) matchesAddress(a netip.Addr) bool {
	return r.scope == addresses && r.prefix.Contains(a) && (r.prefix.IsSingleIP() || Forbidden(a) != metadata)
}

// Covers says whether the rule permits all that another one does.
func (r Rule) Covers(other Rule) bool {
	for _, port := range other.Ports() {
		if !r.hasPort(port) {
			return false
		}
	}
	switch other.scope {
	case nothing:
		return true
	case oneName:
		return r.matchesName(other.name)
	case subdomain:
		return r.scope == anyName || r.scope == subdomain && (other.name == r.name || r.matchesName(other.name))
	case anyName:
		return r.scope == anyName
	case addresses:
	}
	if other.prefix.IsSingleIP() {
		return r.matchesAddress(other.prefix.Addr())
	}
	return r.scope == addresses && r.prefix.Contains(other.prefix.Addr()) && r.prefix.Bits() <= other.prefix.Bits()
}

// Addresses is how many addresses the rule stands for, as far as they can be
// counted; 0 for a rule with names.
func (r Rule) Addresses() uint64 {
	if r.scope != addresses {
		return 0
	}
	return 1 << min(r.prefix.Addr().BitLen()-r.prefix.Bits(), 63)
}
