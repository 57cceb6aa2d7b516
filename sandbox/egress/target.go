package egress

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Target is what a program asks to be connected to: a port of a name, or of an address.
type Target struct {
	Name    string     // canonical; empty when Address is valid
	Address netip.Addr // valid when the program gave an address
	Port    uint16
}

// Host is the name or address, as a Connection and a Host header have it.
func (t Target) Host() string {
	if t.Name != "" {
		return t.Name
	}
	if t.Address.Is6() {
		return "[" + t.Address.String() + "]"
	}
	return t.Address.String()
}

func (t Target) String() string { return t.Host() + ":" + strconv.Itoa(int(t.Port)) }

// parseAuthority reads host:port; without a port, defaultPort, where that is not
// 0. It refuses everything on which two readers could disagree.
func parseAuthority(text string, defaultPort uint16) (Target, error) {
	if strings.ContainsAny(text, "@") {
		return Target{}, errors.New("user information in the authority")
	}
	host, port, err := splitPort(text, defaultPort)
	if err != nil {
		return Target{}, err
	}
	t := Target{Port: port}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		t.Address, err = canonicalAddress(strings.TrimSuffix(inner, "]"))
		if err == nil && t.Address.Is4() {
			err = errors.New("IPv4 address in brackets")
		}
		return t, err
	}
	if a, err := canonicalAddress(host); err == nil && a.Is4() {
		t.Address = a
		return t, nil
	}
	t.Name, err = canonicalName(host)
	return t, err
}

func splitPort(text string, defaultPort uint16) (string, uint16, error) {
	end := strings.LastIndexByte(text, ':')
	if bracket := strings.LastIndexByte(text, ']'); end < bracket || end < 0 {
		if defaultPort == 0 {
			return "", 0, errors.New("no port")
		}
		return text, defaultPort, checkBrackets(text)
	}
	port, err := parsePort(text[end+1:])
	if err == nil {
		err = checkBrackets(text[:end])
	}
	return text[:end], port, err
}

func checkBrackets(host string) error {
	inner, open := strings.CutPrefix(host, "[")
	inner, closed := strings.CutSuffix(inner, "]")
	if open != closed || strings.ContainsAny(inner, "[]") || !open && strings.Contains(host, ":") {
		return errors.New("colons and brackets that do not match")
	}
	return nil
}

// parsePort reads a port in its one usual form.
func parsePort(text string) (uint16, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 || strconv.FormatUint(n, 10) != text {
		return 0, fmt.Errorf("port %.10q is none of 1 to 65535", text)
	}
	return uint16(n), nil
}
