package sources

import (
	"net"
	"net/url"

	"lazaret.dev/lazaret/sandbox/egress"
)

// OnlyHTTPS is what a definition is told that names another scheme.
const OnlyHTTPS = "Only HTTPS URLs are allowed for external scripts"

// maxURL bounds a URL, in bytes.
const maxURL = 2048

// parse reads the URL of a script. Its error is a *Fault.
func parse(text string) (*url.URL, error) {
	if len(text) > maxURL {
		return nil, fault(BadURL, nil, "script URL of %d bytes, over the limit of %d", len(text), maxURL)
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, fault(BadURL, nil, "script URL %.80q cannot be read", text)
	}
	return u, checkURL(u)
}

// checkURL judges a URL before anything is connected: the first, and each that
// a host redirects to.
func checkURL(u *url.URL) error {
	switch {
	case u.Scheme != "https":
		return fault(BadURL, nil, OnlyHTTPS)
	case u.User != nil:
		return fault(BadURL, nil, "script URL with a user name or password; leave them out")
	case u.Hostname() == "" || u.Opaque != "":
		return fault(BadURL, nil, "script URL without a host")
	}
	return nil
}

// authority is the host and port that a URL leads to.
func authority(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "443"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// place is a URL as messages show it.
func place(u *url.URL) string {
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	return shown.String()
}

// permitted says whether the operator's rules let the worker fetch from there.
func permitted(d *egress.Dialer, u *url.URL) error {
	if err := d.Permits(authority(u)); err != nil {
		return fault(Refused, err, "script host; the operator may permit it with --source-host %s", u.Host)
	}
	return nil
}
