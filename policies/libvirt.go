package policies

import (
	"fmt"
	"path"
	"slices"
	"time"
)

// Libvirt is the part of a policy that says what may be asked of libvirt. The
// zero value allows nothing; DefaultLibvirt is what holds without a policy.
type Libvirt struct {
	URIs       []string // the hosts that may be named; the first is meant where none is
	ReadOnly   bool
	Timeout    time.Duration
	Concurrent int // operations at the same time at one host
	PerMinute  int // operations that one definition may begin in a minute
	Allow      []string
	Dangerous  LibvirtDangerous
	Approval   []string // operations that a person must approve first
	// ApprovalOn are those that need it only at some hosts, or for some guests.
	ApprovalOn []LibvirtApproval
	// ApprovalWithin is how long a task may wait for it.
	ApprovalWithin time.Duration
	// AuthRequired lets only callers ask who have one of Identities (C11); Signers
	// are those whose signatures can be known.
	AuthRequired bool
	Identities   []LibvirtIdentity
	Signers      []Signer
	// Events are those of the hosts whose guests are watched.
	Events []string
	// Definitions are exceptions; the first whose Match fits a definition holds.
	Definitions []LibvirtException
}

// LibvirtDangerous allows what makes, destroys or rewires guests, disks and
// networks (C14): only with an acknowledgement, and each operation by name.
type LibvirtDangerous struct {
	Acknowledged bool
	Allow        []string
	Hostdev      bool // raw XML may hand devices of the host to guests
}

// LibvirtApproval is an operation that a person must approve at a host, for guests,
// networks or pools whose name fits a pattern, or both. What is not named by its
// name fits any pattern.
type LibvirtApproval struct{ Operation, URI, Name string }

// LibvirtException is what holds for some definitions instead of the rest.
type LibvirtException struct {
	Match      string // of namespace/name, with * and ?
	Callers    []string
	ReadOnly   *bool
	Allow      []string // nil: as for all
	Dangerous  *LibvirtDangerous
	Approval   []string // with it, ApprovalOn holds instead as well
	ApprovalOn []LibvirtApproval
}

// The limits that hold where a policy says nothing.
const (
	libvirtTimeout    = 30 * time.Second
	libvirtConcurrent = 10
	libvirtPerMinute  = 600
	libvirtApproval   = 24 * time.Hour
)

// LibvirtOperation is what a policy must know of an operation.
type LibvirtOperation struct {
	Name      string
	Changes   bool
	Dangerous bool
	Default   bool // allowed without a policy (C12)
}

// DefaultLibvirt is what holds without a policy: the operations that are allowed
// by default, all of which only read, on this machine.
func DefaultLibvirt(operations []LibvirtOperation) Libvirt {
	l := Libvirt{
		URIs: []string{"qemu:///system", "test:///default"}, ReadOnly: true,
		Timeout: libvirtTimeout, Concurrent: libvirtConcurrent, PerMinute: libvirtPerMinute,
		ApprovalWithin: libvirtApproval,
	}
	for _, o := range operations {
		if o.Default {
			l.Allow = append(l.Allow, o.Name)
		}
	}
	return l
}

// LibvirtQuestion is who asks for what.
type LibvirtQuestion struct {
	Operation  LibvirtOperation
	URI        string
	Other      string // a second host that it concerns: the destination of a migration
	Hostdev    bool
	Definition string // namespace/name, or empty
	Caller     string // task, script, cli
	Guest      string // the name of what it is about, or empty
	ByUUID     bool   // it is also, or only, meant by UUID
	Who        LibvirtCaller
	Now        time.Time // by which identities end
}

// LibvirtVerdict is the answer.
type LibvirtVerdict struct {
	Allowed bool
	// Unauthorized: it is denied since nobody who is known asks.
	Unauthorized bool
	Who          string // the identity by which the caller is known, where one is required
	Reason       string // of a denial
	URI          string
	ReadOnly     bool
	Approval     bool
}

// Judge decides one question. It looks at nothing but its arguments.
func (l Libvirt) Judge(q LibvirtQuestion) LibvirtVerdict {
	who := ""
	if l.AuthRequired {
		var unknown string
		if who, unknown = l.identify(q.Who, q.Now); unknown != "" {
			return LibvirtVerdict{Reason: unknown, Unauthorized: true}
		}
	}
	l = l.forDefinition(q)
	uri, reason := l.host(q)
	if reason == "" {
		reason = l.refusal(q)
	}
	if reason != "" {
		return LibvirtVerdict{Reason: reason, Who: who}
	}
	return LibvirtVerdict{Allowed: true, Who: who, URI: uri, ReadOnly: l.ReadOnly, Approval: l.needsApproval(q, uri)}
}

// Grants says whether the policy allows a definition's tasks or scripts (caller)
// any of the operations, at any host, with or without an approval, once it is known
// who asks.
func (l Libvirt) Grants(definition, caller string, operations []LibvirtOperation) bool {
	l.AuthRequired = false
	return slices.ContainsFunc(operations, func(o LibvirtOperation) bool {
		return l.Judge(LibvirtQuestion{Operation: o, Definition: definition, Caller: caller}).Allowed
	})
}

// forDefinition is the policy with the exception that fits.
func (l Libvirt) forDefinition(q LibvirtQuestion) Libvirt {
	for _, e := range l.Definitions {
		fits, _ := path.Match(e.Match, q.Definition) // the pattern was checked when it was read
		if !fits || len(e.Callers) > 0 && !slices.Contains(e.Callers, q.Caller) {
			continue
		}
		if e.ReadOnly != nil {
			l.ReadOnly = *e.ReadOnly
		}
		if e.Allow != nil {
			l.Allow = e.Allow
		}
		if e.Dangerous != nil {
			l.Dangerous = *e.Dangerous
		}
		if e.Approval != nil {
			l.Approval, l.ApprovalOn = e.Approval, e.ApprovalOn
		}
		return l
	}
	return l
}

func (l Libvirt) needsApproval(q LibvirtQuestion, uri string) bool {
	return slices.Contains(l.Approval, q.Operation.Name) || slices.ContainsFunc(l.ApprovalOn, func(a LibvirtApproval) bool {
		fits, _ := path.Match(a.Name, q.Guest) // the pattern was checked when it was read
		return a.Operation == q.Operation.Name && (a.URI == "" || a.URI == uri) && (a.Name == "" || fits || q.Guest == "" || q.ByUUID)
	})
}

func (l Libvirt) host(q LibvirtQuestion) (uri, reason string) {
	if len(l.URIs) == 0 {
		return "", "the policy lists no libvirt host"
	}
	uri = q.URI
	if uri == "" {
		uri = l.URIs[0]
	}
	for _, named := range []string{uri, q.Other} {
		if named != "" && !slices.Contains(l.URIs, named) {
			return "", fmt.Sprintf("the policy does not list the host %q", named)
		}
	}
	return uri, ""
}

func (l Libvirt) refusal(q LibvirtQuestion) string {
	o := q.Operation
	allowed := slices.Contains(l.Allow, o.Name)
	if o.Dangerous {
		allowed = l.Dangerous.Acknowledged && slices.Contains(l.Dangerous.Allow, o.Name)
	}
	switch {
	case !allowed:
		return "the policy does not list the operation"
	case l.ReadOnly && o.Changes:
		return "the policy only lets it read"
	case q.Hostdev && !l.Dangerous.Hostdev:
		return "the policy hands no device of the host to guests"
	}
	return ""
}
