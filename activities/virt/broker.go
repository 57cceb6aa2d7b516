package virt

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Identity is on whose behalf a request is made.
type Identity struct {
	Definition string `json:"definition,omitempty"` // namespace/name
	Execution  string `json:"execution,omitempty"`
	Task       string `json:"task,omitempty"`
	Caller     string `json:"caller"`         // task, script, cli
	User       string `json:"user,omitempty"` // who ran the command line
	// Digest and Signature are the definition's, Principal (type/name) is whom Temporal
	// let start the execution. They are no part of what a person approves.
	Digest    string `json:"-"`
	Signature string `json:"-"`
	Principal string `json:"-"`
}

// Names are the definition's namespace and name; empty without one.
func (i Identity) Names() (namespace, name string) {
	namespace, name, _ = strings.Cut(i.Definition, "/")
	return namespace, name
}

// Request is one operation asked for.
type Request struct {
	Operation string
	Arguments map[string]any
	URI       string // empty: the policy's first
	Identity  Identity
	// Key names what is asked for across attempts: a change is made once per key.
	Key string
	// Retry says that an earlier attempt with this key may have taken effect.
	Retry bool
	// Resolved is the UUID that an earlier attempt found for the guest.
	Resolved string
	// Approved says that the person who asks for it approves it.
	Approved bool
	// Approval is somebody's decision about it, which is held against what is asked for.
	Approval *Approval
	// Judge decides about it in the place of the broker's; nil: the broker's does.
	Judge Judge
	// Policy is the digest of what Judge decides by, for the audit log.
	Policy string
	// Progress, if set, is told how it goes on. It must not block.
	Progress func(Progress)

	who string // the verdict's
}

// Progress is how far an operation is.
type Progress struct {
	Text    string  `json:"text"`
	Percent float64 `json:"percent,omitempty"`
	// Resolved is the UUID of the guest that is worked on.
	Resolved string `json:"resolved,omitempty"`
}

// Question is what a Judge is asked.
type Question struct {
	Operation Operation
	URI       string
	Arguments Arguments
	Hostdev   bool // raw XML hands a device of the host to a guest
	Identity  Identity
}

// Verdict is a Judge's answer. The zero value denies.
type Verdict struct {
	Allowed bool
	// Unauthorized: it is denied since nobody who is known asks.
	Unauthorized bool
	// Who is the identity by which the caller is known; empty where none is required.
	Who      string
	Reason   string // of a denial
	URI      string
	ReadOnly bool // nothing may be changed; libvirt is told so as well
	Approval bool // a person must approve it first
	// ApprovalWithin is how long a task may wait for that.
	ApprovalWithin time.Duration
	Timeout        time.Duration
	Limits         Limits
}

// Judge decides whether a request is allowed. It is safe for concurrent use.
type Judge func(Question) Verdict

// Call is an allowed operation, for a Driver.
type Call struct {
	Operation string    `json:"operation"`
	URI       string    `json:"uri"`
	ReadOnly  bool      `json:"readOnly,omitempty"`
	Arguments Arguments `json:"arguments"`
	Key       string    `json:"key,omitempty"`
	Retry     bool      `json:"retry,omitempty"`
	Resolved  string    `json:"resolved,omitempty"`
}

// Driver carries operations out. It returns when the context ends, whatever
// becomes of the operation. It is safe for concurrent use.
type Driver interface {
	Call(ctx context.Context, call Call, progress func(Progress)) (json.RawMessage, error)
}

// Broker carries requests to a Driver. The fields are set before the first call.
type Broker struct {
	Driver Driver
	Judge  Judge
	Audit  Auditor
	// Denied, if set, is told of each denial, once: it is a violation.
	Denied func(Request, *Error)
	// Observe, if set, is told of each operation that was carried out.
	Observe func(operation string, took time.Duration, err *Error)

	gates gates
}

// ErrApproval is the reason of a denial that a person's approval would lift.
const ErrApproval = "needs approval"

// Call carries one request out. Its error is an *Error.
func (b *Broker) Call(ctx context.Context, request Request) (json.RawMessage, error) {
	checked, err := b.check(request)
	if err != nil {
		return nil, b.deny(request, EventDenied, err)
	}
	request.who = checked.verdict.Who
	if !checked.verdict.Allowed {
		event := EventDenied
		if checked.verdict.Unauthorized {
			event = EventUnauthorized
		}
		return nil, b.deny(request, event, Errorf(Denied, "%s is not allowed: %s", request.Operation, checked.verdict.Reason))
	}
	if err := b.approved(request, checked); err != nil {
		return nil, err
	}
	release, err := b.gates.enter(ctx, request.Identity, checked.verdict)
	if err != nil {
		event := EventBusy
		if AsError(err).Code == Limited {
			event = EventLimited
		}
		return nil, b.deny(request, event, err)
	}
	defer release()
	return b.carryOut(ctx, request, checked)
}

// Verdict is what the judge says of a request, without carrying it out. The
// error says what is wrong with the request itself.
func (b *Broker) Verdict(request Request) (Verdict, error) {
	checked, err := b.check(request)
	return checked.verdict, err
}

// checked is a request whose arguments are right, with the verdict.
type checked struct {
	operation Operation
	arguments Arguments
	verdict   Verdict
}

func (b *Broker) check(request Request) (checked, error) {
	operation, ok := Find(request.Operation)
	if !ok {
		return checked{}, Errorf(Invalid, "%s is no operation; lazaret libvirt operations lists them", preview(request.Operation))
	}
	arguments, err := operation.Arguments(request.Arguments)
	if err != nil {
		return checked{}, err
	}
	if request.URI != "" {
		if err := CheckURI(request.URI); err != nil {
			return checked{}, Errorf(Invalid, "the URI %s %v", preview(request.URI), err)
		}
	}
	hostdev, err := reviewed(operation, arguments)
	if err != nil {
		return checked{}, err
	}
	judge := b.Judge
	if request.Judge != nil {
		judge = request.Judge
	}
	verdict := judge(Question{operation, request.URI, arguments, hostdev, request.Identity})
	return checked{operation, arguments, verdict}, nil
}

// reviewed puts the XML that the allow-list understood in the place of what was given.
func reviewed(operation Operation, arguments Arguments) (hostdev bool, err error) {
	if !arguments.Has("xml") {
		return false, nil
	}
	review, err := ReviewXML(arguments.Text("xml"))
	if err != nil {
		return false, Errorf(Invalid, "xml %v", err)
	}
	_, machine := operation.parameter("memory")
	if machine != (review.Root == "domain") {
		return false, Errorf(Invalid, "xml is a %s, which %s does not take", review.Root, operation.Name)
	}
	arguments["xml"] = review.XML
	return review.Hostdev, nil
}

// deny records a request that is not carried out.
func (b *Broker) deny(request Request, event Event, err error) error {
	e := AsError(err)
	if e.Code == Denied && b.Denied != nil {
		b.Denied(request, e)
	}
	if problem := b.record(request, event, 0, e); problem != nil {
		return Errorf(Failed, "the audit log cannot be written: %v", problem)
	}
	return e
}

// carryOut calls the driver between two lines of the audit log.
func (b *Broker) carryOut(ctx context.Context, request Request, c checked) (json.RawMessage, error) {
	if err := b.record(request, EventStarted, 0, nil); err != nil {
		return nil, Errorf(Failed, "the audit log cannot be written, so nothing was done: %v", err)
	}
	timeout := c.verdict.Timeout
	if c.operation.Waits {
		timeout += time.Duration(c.arguments.Int("deadline")) * time.Second
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, Errorf(Timeout, "%s took longer than %s", request.Operation, timeout))
	defer cancel()
	begun := time.Now()
	result, err := b.Driver.Call(ctx, Call{
		Operation: request.Operation, URI: c.verdict.URI, ReadOnly: c.verdict.ReadOnly || !c.operation.Changes && !c.operation.Privileged,
		Arguments: c.arguments, Key: request.Key, Retry: request.Retry, Resolved: request.Resolved,
	}, progressOf(request))
	took := time.Since(begun)
	var failure *Error
	if err != nil {
		failure = failureOf(ctx, err)
	}
	if b.Observe != nil {
		b.Observe(request.Operation, took, failure)
	}
	if problem := b.record(request, EventExecuted, took, failure); problem != nil && failure == nil {
		failure = Errorf(Failed, "%s was carried out, but the audit log cannot be written: %v", request.Operation, problem)
	}
	if failure != nil {
		if failure.Code == Denied && b.Denied != nil {
			b.Denied(request, failure)
		}
		return nil, failure
	}
	return result, nil
}

func progressOf(request Request) func(Progress) {
	if request.Progress != nil {
		return request.Progress
	}
	return func(Progress) {}
}

// failureOf prefers our own timeout to how the driver noticed it.
func failureOf(ctx context.Context, err error) *Error {
	e := AsError(err)
	if cause := context.Cause(ctx); cause != nil && ctx.Err() != nil {
		if own := AsError(cause); own.Code == Timeout {
			return &Error{Code: Timeout, Message: own.Message, Lost: true}
		}
		return &Error{Code: Failed, Message: fmt.Sprintf("it was given up: %v", cause), Lost: true}
	}
	return e
}
