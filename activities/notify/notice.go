package notify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/ledger"
	"lazaret.dev/lazaret/sandbox"
)

// Ledger tells people of what the ledger notices.
type Ledger struct{ Dispatcher *Dispatcher }

// Notify implements ledger.Notifier.
func (l Ledger) Notify(_ context.Context, n ledger.Notice) {
	l.Dispatcher.Send(fromNotice(n), n.Policy.Notify)
}

func fromNotice(n ledger.Notice) Message {
	s := n.Summary
	m := Message{
		Kind: string(n.Kind), Definition: s.Namespace + "/" + s.Name, State: s.State, Incident: s.Incident,
		Count: max(1, len(n.Violations)), At: n.At, Contacts: n.Policy.Contacts,
		Types: contract.IncidentTypesOf(n.Violations),
	}
	ids := []string{m.Kind, m.Definition, fmt.Sprint(s.Revision)}
	worst := sandbox.Low
	for _, v := range n.Violations {
		ids = append(ids, v.ID)
		one := Message{Severity: v.Severity}.severity()
		if m.Rule == "" || one > worst {
			worst = one
			m.Rule, m.Severity, m.Subject, m.Version, m.Digest, m.Execution, m.Task = v.Type, v.Severity, v.Subject, v.Version, v.Digest, v.Execution, v.Task
		}
	}
	m.ID = identify(ids)
	switch n.Kind {
	case ledger.Quarantined, ledger.Forged:
		m.Severity = sandbox.Critical.String()
	case ledger.Released, ledger.Alerted:
		m.Severity = sandbox.High.String()
	case ledger.Violated:
	}
	word := words[n.Kind]
	if s.State == contract.LedgerPendingReview {
		word = "somebody looks into the definition, which stays in quarantine"
	}
	m.Text = fmt.Sprintf("%s: %s", word, n.Reason)
	if n.By != "" {
		m.Text += ", by " + n.By
	}
	return m
}

// maxID is how long an id may be: it is a header of a webhook, and servers take no
// long ones.
const maxID = 256

// identify joins what tells one notice from another; a long rest is hashed.
func identify(parts []string) string {
	id := strings.Join(parts, " ")
	if len(id) <= maxID {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return parts[0] + " " + hex.EncodeToString(sum[:])
}

var words = map[ledger.Kind]string{
	ledger.Violated:    "a script tried what its policy forbids",
	ledger.Quarantined: "the definition is in quarantine",
	ledger.Alerted:     "the definition passed its limit and is left to you",
	ledger.Released:    "the definition may run again",
	ledger.Forged:      "somebody filed a report that no worker had written",
}
