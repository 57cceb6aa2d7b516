package calls

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"lazaret.dev/lazaret/sandbox/egress"
)

// explain says why there is no answer.
func explain(u *url.URL, err error) error {
	var known *Fault
	var denial *egress.Denial
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &denial):
		return denied(denial, "the operator may permit the address with --call-host")
	case errors.As(err, &certificate):
		return unproven(u, certificate.Err)
	}
	return unreached(u, err)
}

// unproven is a server whose certificate does not show that it is u's host.
func unproven(u *url.URL, err error) *Fault {
	if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); unknown {
		return fault(Failed, err, "%s cannot show who it is; the operator may trust its authority with --call-ca", place(u))
	}
	return fault(Failed, err, "%s cannot show who it is", place(u))
}

// unreached is a server with which nothing was exchanged. Which name server was
// asked is the worker's own affair.
func unreached(u *url.URL, err error) *Fault {
	var name *net.DNSError
	var record tls.RecordHeaderError
	if outer, is := errors.AsType[*url.Error](err); is { // it repeats the URL
		err = outer.Err
	}
	switch {
	case errors.As(err, &name):
		return fault(Failed, errors.New(name.Err), "%s is not reached: %s cannot be looked up", place(u), strings.TrimSuffix(name.Name, "."))
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return fault(Failed, err, "%s is not reached; is it a service without TLS?", place(u))
	case errors.Is(err, io.EOF):
		return fault(Failed, err, "%s ended the connection before it answered", place(u))
	}
	return fault(Failed, err, "%s is not reached", place(u))
}
