package egress

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// request is the head of an HTTP/1 request. parseRequest accepts only heads that
// every server understands in the same way.
type request struct {
	method string
	target string
	minor  int // of the version, 1.minor
	fields []field
	length int64 // of the body; unknown when chunked
	chunks bool
}

type field struct{ name, value string }

// maxFields is how many header fields a request may have.
const maxFields = 128

// parseRequest reads a head, with the empty line that ends it.
func parseRequest(head []byte) (*request, error) {
	text, ok := bytes.CutSuffix(head, []byte("\r\n\r\n"))
	if !ok {
		return nil, errors.New("head without its end")
	}
	lines := strings.Split(string(text), "\r\n")
	r, err := parseLine(lines[0])
	if err != nil {
		return nil, err
	}
	if len(lines)-1 > maxFields {
		return nil, fmt.Errorf("more than %d header fields", maxFields)
	}
	for _, line := range lines[1:] {
		f, err := parseField(line)
		if err != nil {
			return nil, err
		}
		r.fields = append(r.fields, f)
	}
	return r, r.frame()
}

func parseLine(line string) (*request, error) {
	method, rest, _ := strings.Cut(line, " ")
	target, version, _ := strings.Cut(rest, " ")
	if !token(method) || len(method) > 32 {
		return nil, errors.New("malformed method")
	}
	if target == "" || strings.IndexFunc(target, func(c rune) bool { return c <= ' ' || c > '~' }) >= 0 {
		return nil, errors.New("malformed target")
	}
	r := &request{method: method, target: target}
	switch version {
	case "HTTP/1.1":
		r.minor = 1
	case "HTTP/1.0":
	default:
		return nil, fmt.Errorf("version %.20q", version)
	}
	return r, nil
}

func parseField(line string) (field, error) {
	name, value, ok := strings.Cut(line, ":")
	if !ok || !token(name) {
		return field{}, fmt.Errorf("malformed header field %.40q", line)
	}
	value = strings.Trim(value, " \t")
	if strings.IndexFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) >= 0 {
		return field{}, fmt.Errorf("control character in header field %.40q", name)
	}
	return field{name, value}, nil
}

// token is RFC 9110's, 5.6.2.
func token(text string) bool {
	return text != "" && strings.IndexFunc(text, func(c rune) bool {
		return c <= ' ' || c > '~' || strings.ContainsRune("\"(),/:;<=>?@[\\]{}", c)
	}) < 0
}

// frame decides where the body ends, if there is only one way to see it.
func (r *request) frame() error {
	lengths, codings := r.values("Content-Length"), r.values("Transfer-Encoding")
	switch {
	case len(r.values("Host")) > 1:
		return errors.New("more than one Host")
	case len(lengths)+len(codings) > 1:
		return errors.New("more than one Content-Length or Transfer-Encoding")
	case len(codings) == 1:
		if r.minor == 0 || !strings.EqualFold(codings[0], "chunked") {
			return fmt.Errorf("Transfer-Encoding %.40q", codings[0])
		}
		r.chunks = true
	case len(lengths) == 1:
		n, err := strconv.ParseUint(lengths[0], 10, 62)
		if err != nil || strconv.FormatUint(n, 10) != lengths[0] {
			return fmt.Errorf("Content-Length %.40q", lengths[0])
		}
		r.length = int64(n)
	}
	return nil
}

// values are those of the fields with a name, in their order.
func (r *request) values(name string) []string {
	var vs []string
	for _, f := range r.fields {
		if strings.EqualFold(f.name, name) {
			vs = append(vs, f.value)
		}
	}
	return vs
}

// awaitsContinue says whether the program sends no body before it is told to:
// RFC 9110, 10.1.1.
func (r *request) awaitsContinue() bool {
	return r.minor == 1 && slices.ContainsFunc(r.values("Expect"), func(v string) bool { return strings.EqualFold(v, "100-continue") })
}

// destination reads where a proxy is to go: the authority of CONNECT, or the URL
// of another request, which becomes the origin's form of it.
func (r *request) destination() (Target, error) {
	if r.method == "CONNECT" {
		return parseAuthority(r.target, 0)
	}
	const scheme = "http://"
	if len(r.target) < len(scheme) || !strings.EqualFold(r.target[:len(scheme)], scheme) {
		return Target{}, errors.New("not an http URL; this is a proxy, and https goes through CONNECT")
	}
	rest := r.target[len(scheme):]
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	t, err := parseAuthority(rest[:end], 80)
	if err != nil {
		return t, err
	}
	return t, r.relative(rest[end:])
}

// relative makes path and query the target.
func (r *request) relative(path string) error {
	if strings.Contains(path, "#") {
		return errors.New("fragment in the URL")
	}
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	r.target = path
	return nil
}

// origin checks a request that was sent as to the origin itself: it must be for
// the host that the connection was opened for.
func (r *request) origin(t Target) error {
	if !strings.HasPrefix(r.target, "/") && r.target != "*" {
		return malformed(t.String(), errors.New("request with a URL instead of a path"))
	}
	hosts := r.values("Host")
	if len(hosts) == 0 {
		return malformed(t.String(), errors.New("request without Host"))
	}
	named, err := parseAuthority(hosts[0], t.Port)
	if err != nil {
		return malformed(t.String(), fmt.Errorf("Host %.80q: %w", hosts[0], err))
	}
	if named != t {
		return &Denial{OtherName, t.String(), fmt.Sprintf("request for Host %q", named)}
	}
	return nil
}

// hopByHop are about one connection, and end with it: RFC 9110, 7.6.1. Expect is
// answered here.
var hopByHop = []string{
	"connection", "proxy-connection", "keep-alive", "te", "trailer", "upgrade", "expect", "http2-settings",
	"proxy-authorization", "proxy-authenticate", "host", "content-length", "transfer-encoding",
}

// render writes the head anew, for one request on a connection of its own.
func (r *request) render(t Target) []byte {
	dropped := slices.Clone(hopByHop)
	for _, v := range r.values("Connection") {
		for name := range strings.SplitSeq(v, ",") {
			dropped = append(dropped, strings.ToLower(strings.Trim(name, " \t")))
		}
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.%d\r\nHost: %s\r\n", r.method, r.target, r.minor, hostField(t))
	for _, f := range r.fields {
		if !slices.Contains(dropped, strings.ToLower(f.name)) {
			fmt.Fprintf(&b, "%s: %s\r\n", f.name, f.value)
		}
	}
	switch {
	case r.chunks:
		b.WriteString("Transfer-Encoding: chunked\r\n")
	case len(r.values("Content-Length")) == 1:
		fmt.Fprintf(&b, "Content-Length: %d\r\n", r.length)
	}
	b.WriteString("Connection: close\r\n\r\n")
	return b.Bytes()
}

func hostField(t Target) string {
	if t.Port == 80 {
		return t.Host()
	}
	return t.String()
}
