package notify

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// Message is what people are told. Its JSON form is that of webhooks and programs;
// members are added, never changed.
type Message struct {
	// ID is the same for the same thing, however often it is reported.
	ID         string             `json:"id"`
	Kind       string             `json:"kind"` // violation, quarantine, alert, release, forged, finding, test
	Severity   string             `json:"severity"`
	Rule       string             `json:"rule"` // of a finding, or the violation's type
	Definition string             `json:"definition"`
	Version    string             `json:"version,omitempty"`
	Digest     string             `json:"digest,omitempty"`
	Execution  string             `json:"execution,omitempty"`
	Task       string             `json:"task,omitempty"`
	State      string             `json:"state,omitempty"` // of the definition
	Incident   string             `json:"incident,omitempty"`
	Types      []string           `json:"types,omitempty"`   // of the incident that its violations make (C34)
	Subject    string             `json:"subject,omitempty"` // what it was about
	Text       string             `json:"text"`
	Count      int                `json:"count"` // of the same, since the last message
	At         time.Time          `json:"at"`
	Contacts   []policies.Contact `json:"contacts,omitempty"` // to call in an emergency (C36)
}

const maxText = 1 << 10 // bytes of a member

// clean bounds a text and leaves nothing in it that a terminal, a header or a page
// would obey.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		if !unicode.IsPrint(r) || unicode.Is(unicode.Bidi_Control, r) {
			return '\ufffd'
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
	if len(text) <= maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText], "") + "…"
}

// cleaned returns the message with every text cleaned and redacted.
func (m Message) cleaned(redact func(string) string) Message {
	for _, member := range []*string{
		&m.ID, &m.Kind, &m.Severity, &m.Rule, &m.Definition, &m.Version, &m.Digest, &m.Execution, &m.Task,
		&m.State, &m.Incident, &m.Subject, &m.Text,
	} {
		if redact != nil {
			*member = redact(*member)
		}
		*member = clean(*member)
	}
	return m
}

// title is one line for people.
func (m Message) title() string {
	what := m.Kind
	if m.Rule != "" {
		what += " " + m.Rule
	}
	if m.Definition != "" {
		what += " by " + m.Definition
	}
	if m.Severity != "" {
		return m.Severity + ": " + what
	}
	return what
}

// plain is the message as text for people.
func (m Message) plain() string {
	var b strings.Builder
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-11s %s\n", name, value)
		}
	}
	fmt.Fprintf(&b, "%s\n\n", m.Text)
	line("definition", m.Definition)
	line("version", m.Version)
	line("digest", m.Digest)
	line("state", m.State)
	line("incident", m.Incident)
	line("type", strings.Join(m.Types, ", "))
	line("execution", m.Execution)
	line("task", m.Task)
	line("rule", m.Rule)
	line("subject", m.Subject)
	if m.Count > 1 {
		line("count", fmt.Sprint(m.Count))
	}
	line("at", m.At.UTC().Format(time.RFC3339))
	for _, c := range m.Contacts {
		line("call", strings.Join(strings.Fields(clean(c.Name+" "+c.Phone+" "+c.Email)), " "))
	}
	return b.String()
}

func (m Message) severity() sandbox.Severity {
	for _, s := range []sandbox.Severity{sandbox.Low, sandbox.Medium, sandbox.High, sandbox.Critical} {
		if s.String() == m.Severity {
			return s
		}
	}
	return sandbox.High // what says nothing is told
}

// wants tells whether a route takes the message.
func wants(r policies.NotifyRoute, m Message) bool {
	return m.severity() >= r.MinSeverity && (len(r.Rules) == 0 || r.Rules.Match(m.Rule) || r.Rules.Match(m.Kind) || slices.ContainsFunc(m.Types, r.Rules.Match))
}
