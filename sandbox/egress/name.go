package egress

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// maxName is the length of the longest domain name, without its final dot.
const maxName = 253

// profile maps what people write (case, width, composition) to what DNS knows.
var profile = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.Transitional(false), idna.StrictDomainName(true))

// canonicalName gives a domain name its one form: lower case, ASCII, without a
// final dot. Two texts name the same host exactly if their forms are equal. What
// some resolver might take for an address is no name.
func canonicalName(text string) (string, error) {
	name := strings.ToLower(text)
	if !ascii(text) || strings.Contains(name, "xn--") {
		mapped, err := toASCII(text)
		if err != nil {
			return "", fmt.Errorf("internationalized name: %w", err)
		}
		name = mapped
	}
	name = strings.TrimSuffix(name, ".")
	if name == "" || len(name) > maxName {
		return "", fmt.Errorf("name of %d bytes", len(name))
	}
	labels := strings.Split(name, ".")
	for _, label := range labels {
		if err := checkLabel(label); err != nil {
			return "", err
		}
	}
	if numeric(labels[len(labels)-1]) {
		return "", errors.New("numeric address")
	}
	return name, nil
}

// toASCII refuses what would change again if it were mapped a second time.
func toASCII(text string) (string, error) {
	if !utf8.ValidString(text) {
		return "", errors.New("not UTF-8")
	}
	once, err := profile.ToASCII(text)
	if err != nil {
		return "", err
	}
	twice, err := profile.ToASCII(once)
	if err == nil && twice != once {
		err = errors.New("ambiguous")
	}
	return once, err
}

func ascii(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r > 0x7e }) < 0
}

// checkLabel permits the underscore, which names of hosts have against all rules.
func checkLabel(label string) error {
	if label == "" || len(label) > 63 {
		return fmt.Errorf("label of %d bytes", len(label))
	}
	if label[0] == '-' || label[len(label)-1] == '-' {
		return errors.New("label with a hyphen at its end")
	}
	for _, c := range []byte(label) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return fmt.Errorf("character %q in a name", c)
		}
	}
	return nil
}

// numeric says whether a name that ends in this label is an address to some
// resolver: inet_aton(3) takes 127.1, 0x7f.1, 0177.0.0.1 and 2130706433.
func numeric(label string) bool {
	if hex, ok := strings.CutPrefix(label, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(label, "0123456789") == ""
}

// canonicalAddress reads an address in its one usual form. Forms that say the
// same address in another way are refused rather than understood.
func canonicalAddress(text string) (netip.Addr, error) {
	a, err := netip.ParseAddr(text)
	switch {
	case err != nil:
		return a, errors.New("not an address")
	case a.Zone() != "":
		return netip.Addr{}, errors.New("address with a zone")
	case a.Is4In6():
		return netip.Addr{}, errors.New("IPv4-mapped address")
	}
	return a, nil
}
