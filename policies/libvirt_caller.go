package policies

import (
	"crypto/ed25519"
	"errors"
	"slices"
	"strings"
	"time"
)

// The kinds of identities that callers of libvirt have (C11).
const (
	// BySigner is whose key has signed the definition that asks.
	BySigner = "signer"
	// ByPrincipal is whom Temporal let start the execution that asks, as type/name.
	ByPrincipal = "principal"
	// ByUser is the operating system's user who asks on the command line.
	ByUser = "user"
)

var identityKinds = []string{BySigner, ByPrincipal, ByUser}

// LibvirtIdentity is one that a policy accepts.
type LibvirtIdentity struct {
	Kind string
	Name string // of a signer or a user, of a principal type/name; a pattern with * and ?
	// NotAfter is when it is accepted no more; zero: it is for ever.
	NotAfter time.Time
}

func (i LibvirtIdentity) String() string { return i.Kind + ":" + i.Name }

// Signer is a key by the name that a policy gives it.
type Signer struct {
	Name string
	Key  ed25519.PublicKey
}

// LibvirtCaller is who asks, as far as others than the caller say so.
type LibvirtCaller struct {
	Digest, Signature string // of the definition; the signature is yet to be verified
	Principal         string // type/name, as Temporal has it; empty: it has none
	User              string // by the operating system; empty: it does not ask on a command line
}

// ForPrincipals says whether it matters whom Temporal knows a caller by.
func (l Libvirt) ForPrincipals() bool {
	return l.AuthRequired && slices.ContainsFunc(l.Identities, func(i LibvirtIdentity) bool { return i.Kind == ByPrincipal })
}

// identify is the first of the accepted identities that the caller has, or why it
// has none.
func (l Libvirt) identify(c LibvirtCaller, now time.Time) (who, unknown string) {
	var ended string
	for _, accepted := range l.Identities {
		has, expired := l.has(c, accepted, now)
		switch {
		case expired != "":
			ended = expired
		case has == "":
		case !accepted.NotAfter.IsZero() && !now.Before(accepted.NotAfter):
			ended = "the policy accepted " + has + " until " + accepted.NotAfter.UTC().Format(time.RFC3339) + ", which has expired; its not_after is to be renewed"
		default:
			return has, ""
		}
	}
	if ended == "" {
		ended = l.lacks(c)
	}
	return "", "the policy requires to know who asks (auth_required), and " + ended
}

// has is the accepted identity, if it is the caller's, or why it is not any more.
func (l Libvirt) has(c LibvirtCaller, accepted LibvirtIdentity, now time.Time) (who, expired string) {
	switch accepted.Kind {
	case ByPrincipal:
		return named(accepted, c.Principal), ""
	case ByUser:
		return named(accepted, c.User), ""
	}
	if c.Signature == "" {
		return "", ""
	}
	for _, s := range l.Signers {
		if named(accepted, s.Name) == "" {
			continue
		}
		err := VerifySignature(s.Key, c.Digest, c.Signature, now)
		if err == nil {
			return named(accepted, s.Name), ""
		}
		if errors.Is(err, ErrSignatureExpired) {
			expired = "the definition's " + err.Error() + "; sign it again with lazaret sign"
		}
	}
	return "", expired
}

func named(accepted LibvirtIdentity, name string) string {
	if name == "" || !fitsPattern(accepted.Name, name) {
		return ""
	}
	return accepted.Kind + ":" + name
}

// lacks says what a caller that nobody knows could do about it.
func (l Libvirt) lacks(c LibvirtCaller) string {
	switch {
	case c.User != "":
		return ByUser + ":" + c.User + " is not among its identities"
	case c.Signature != "":
		return "the definition's signature is by nobody whom it accepts, or the definition was altered; a signer of the policy signs it with lazaret sign"
	case c.Principal != "":
		return "the definition is not signed, and " + ByPrincipal + ":" + c.Principal + " is not among its identities"
	}
	return "the definition is not signed; a signer of the policy signs it with lazaret sign"
}

// knows says whether a definition that has been signed by somebody is known.
func (l Libvirt) knows(signer string) bool {
	return !l.AuthRequired || slices.ContainsFunc(l.Identities, func(i LibvirtIdentity) bool {
		return i.Kind == BySigner && named(i, signer) != ""
	})
}

// authenticatesLike says whether the policy knows nobody whom another does not.
func (l Libvirt) authenticatesLike(o Libvirt) bool {
	if !o.AuthRequired {
		return true
	}
	return l.AuthRequired && !slices.ContainsFunc(l.Identities, func(i LibvirtIdentity) bool {
		return !slices.ContainsFunc(o.Identities, func(above LibvirtIdentity) bool {
			return above.Kind == i.Kind && Patterns{above.Name}.cover(i.Name) &&
				(above.NotAfter.IsZero() || !i.NotAfter.IsZero() && !i.NotAfter.After(above.NotAfter))
		})
	})
}

func parseIdentity(text string) (LibvirtIdentity, bool) {
	kind, name, ok := strings.Cut(text, ":")
	return LibvirtIdentity{Kind: kind, Name: name}, ok && name != "" && slices.Contains(identityKinds, kind)
}
