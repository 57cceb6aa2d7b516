package environments

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/sandbox/egress"
)

// Index is where wheels come from: an index of the simple repository API
// (PEP 503) over HTTPS, or a folder of this machine. The zero Index has none.
type Index struct {
	url   string
	dir   string
	rules []egress.Rule
	ca    []byte
	// Resolver looks up its hosts; this machine's when nil.
	Resolver egress.Resolver
}

// NewIndex reads what an operator configures: a URL, or an absolute path of a
// folder; more hosts that the index serves files from, and addresses of it that
// are not public; certificate authorities in PEM, the machine's when empty.
func NewIndex(place string, hosts []egress.Rule, ca []byte) (Index, error) {
	if place == "" {
		return Index{}, nil
	}
	if filepath.IsAbs(place) {
		if info, err := os.Stat(place); err != nil || !info.IsDir() {
			return Index{}, fmt.Errorf("package index %q is not a folder", place)
		}
		return Index{dir: filepath.Clean(place)}, nil
	}
	u, err := url.Parse(place)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return Index{}, fmt.Errorf("package index %.100q is neither an HTTPS URL nor an absolute path of a folder", place)
	}
	if u.User != nil {
		return Index{}, fmt.Errorf("package index on %s with a user name or password, which its sandbox would see; put a mirror in between", u.Host)
	}
	own, err := egress.ParseRule(authority(u))
	if err != nil {
		return Index{}, fmt.Errorf("package index: %w", err)
	}
	return Index{url: u.String(), rules: append([]egress.Rule{own}, hosts...), ca: ca}, nil
}

func authority(u *url.URL) string {
	if u.Port() == "" {
		return u.Host + ":443"
	}
	return u.Host
}

func (i Index) exists() bool { return i.url != "" || i.dir != "" }

// String is how messages name the index.
func (i Index) String() string {
	if i.dir != "" {
		return i.dir
	}
	host, _, _ := strings.Cut(strings.TrimPrefix(i.url, "https://"), "/")
	return host
}

// sandboxProxy is how pip is told to reach the index, and all it can reach.
const sandboxProxy = "http://127.0.0.1:3128"

// The index's own certificate authorities inside the build sandbox, and the system's.
const (
	ownCA    = "/lazaret/ca.pem"
	systemCA = "/etc/ssl/certs/ca-certificates.crt"
)

// open lets a build sandbox reach the index and returns pip's options for it.
func (i Index) open(spec *sandbox.Spec, level policies.Level) ([]string, error) {
	if i.dir != "" {
		spec.Binds = append(spec.Binds, i.dir)
		return []string{"--no-index", "--find-links", i.dir}, nil
	}
	if err := policies.Open(spec, level, i.rules); err != nil {
		return nil, fmt.Errorf("package index: %w", err)
	}
	spec.Network.Mode, spec.Network.Resolver = sandbox.Proxied, i.Resolver
	options := []string{"--index-url", i.url, "--proxy", sandboxProxy, "--retries", "2", "--timeout", "20"}
	if len(i.ca) == 0 {
		return append(options, "--cert", systemCA), nil
	}
	spec.Files = append(spec.Files, sandbox.File{Path: ownCA, Content: i.ca})
	return append(options, "--cert", ownCA), nil
}
