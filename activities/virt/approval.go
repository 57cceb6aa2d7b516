package virt

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Awaiting is a request that waits for a person: all that the person is to see.
type Awaiting struct {
	Operation string         `json:"operation"`
	URI       string         `json:"uri"`
	Arguments map[string]any `json:"arguments"` // as they were understood, with defaults
	Danger    Danger         `json:"danger"`
	// Asked is the key of the request that found that it has to wait. It makes each
	// wait one of its own: what was approved once is not approved the next time.
	Asked  string        `json:"asked"`
	Digest string        `json:"digest"` // of all this, and on whose behalf
	Within time.Duration `json:"within"` // how long it may wait
}

// Approval is a person's decision about one Awaiting.
type Approval struct {
	Asked    string `json:"asked"`
	Digest   string `json:"digest"`
	Reviewer string `json:"reviewer"`
	Reason   string `json:"reason"`
	Rejected bool   `json:"rejected,omitempty"`
}

// await is what the request waits with.
func (c checked) await(request Request, asked string) *Awaiting {
	a := &Awaiting{
		Operation: c.operation.Name, URI: c.verdict.URI, Arguments: c.arguments, Danger: c.operation.Danger,
		Asked: asked, Within: c.verdict.ApprovalWithin,
	}
	digested := *a
	digested.Within = 0 // which may change without harm
	text, err := json.Marshal(struct {
		Identity Identity `json:"identity"`
		Awaiting Awaiting `json:"awaiting"`
	}{request.Identity, digested})
	if err != nil {
		panic("BUG: checked arguments cannot be encoded: " + err.Error())
	}
	sum := sha256.Sum256(text)
	a.Digest = hex.EncodeToString(sum[:])
	return a
}

// approved says whether the request may go on, and why not.
func (b *Broker) approved(request Request, c checked) error {
	given := request.Approval
	switch {
	case !c.verdict.Approval && (given == nil || !given.Rejected) || request.Approved:
		return nil
	case request.Identity.Caller != "task":
		return b.deny(request, EventDenied, Errorf(Denied, "%s %s%s", request.Operation, ErrApproval, hintFor(request.Identity.Caller)))
	case given == nil:
		waits := Errorf(Denied, "%s %s", request.Operation, ErrApproval)
		waits.Awaiting = c.await(request, request.Key)
		if err := b.record(request, EventAwaits, 0, waits); err != nil {
			return Errorf(Failed, "the audit log cannot be written: %v", err)
		}
		return waits
	}
	due := c.await(request, given.Asked)
	if subtle.ConstantTimeCompare([]byte(due.Digest), []byte(given.Digest)) != 1 {
		return b.deny(request, EventDenied, Errorf(Denied, "the approval of %s is for something else than what is asked for, or the policy has changed since", request.Operation))
	}
	if given.Rejected {
		e := Errorf(Denied, "%s was rejected by %s: %s", request.Operation, sanitised(given.Reviewer), sanitised(given.Reason))
		e.Rejected = true
		if err := b.record(request, EventRejected, 0, e); err != nil {
			return Errorf(Failed, "the audit log cannot be written: %v", err)
		}
		return e
	}
	return nil
}

func hintFor(caller string) string {
	if caller == "script" {
		return ", and a script cannot wait for one: call it from a task"
	}
	return ""
}

// Summary is what is asked for on one line.
func (a Awaiting) Summary() string {
	words := []string{a.Operation}
	for _, name := range slices.Sorted(maps.Keys(a.Arguments)) {
		words = append(words, fmt.Sprintf("%s=%s", name, sanitised(fmt.Sprint(a.Arguments[name]))))
	}
	return strings.Join(append(words, "at", a.URI), " ")
}
