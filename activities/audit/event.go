package audit

import (
	"encoding/json"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"
)

// Kind names what happened. The words with underscores are searched for by
// watchers and by fail2ban's filter; they never change.
type Kind string

// The kinds.
const (
	Opened     Kind = "audit_opened" // the first line of each file
	Recovered  Kind = "audit_recovered"
	Pruned     Kind = "audit_pruned"
	Gap        Kind = "audit_gap"
	BackedUp   Kind = "audit_backup"
	Operation  Kind = "operation"           // an operation was carried out, or failed
	Denied     Kind = "operation_denied"    // policy refused an operation
	RateLimit  Kind = "rate_limit_exceeded" // too many in too little time
	Concurrent Kind = "max_concurrent_ops"  // too many at once
	Unauth     Kind = "unauthorized"        // nobody that we know asked
	Violation  Kind = "violation"           // a script tried what its policy forbids
	Syscall    Kind = "syscall"
	File       Kind = "file"
	Connection Kind = "connection" // one that was allowed
	Resource   Kind = "resource"   // what a script used
	Script     Kind = "script"     // a script began or ended
	Finding    Kind = "finding"    // the checker's, about a script's text
	Verdict    Kind = "verdict"
	Quarantine Kind = "quarantine"
	Release    Kind = "release"
	Incident   Kind = "incident"
	Failure    Kind = "error"
	Policy     Kind = "policy" // a policy was loaded, changed or refused
	Definition Kind = "definition"
)

// Client says from where somebody asked.
type Client struct {
	// IP is the socket's peer address, never what a header claims; empty for
	// callers on this machine.
	IP string `json:"ip"`
}

// Event is one thing that happened. Its fields stand on the line in the order of
// their declaration; strings may come from anywhere, they are cut and escaped.
type Event struct {
	Kind Kind
	// Client is validated: what is no IP address is left out.
	Client    Client
	Principal string // who asked, as authenticated
	// Namespace, Name, Version and Digest identify the definition.
	Namespace, Name, Version, Digest string
	Level                            string
	Execution, Run, Task, Activity   string
	// ID is the event's own, the same on every retry; empty without one.
	ID       string
	Type     string // of a violation, an error, an operation
	Severity string
	Subject  string // what it was about: a path, a host, a domain, an operation
	Outcome  string
	Count    int64
	Policy   string // digest of the policy that decided
	Message  string // for people
	// Detail holds what has no field of its own.
	Detail map[string]string
}

// Line is an event as it stands in the log.
type Line struct {
	Time      time.Time         `json:"time"`
	Seq       uint64            `json:"seq"` // 1 for the first line of a chain, then one more each
	Kind      Kind              `json:"event"`
	Client    Client            `json:"client_info"`
	Principal string            `json:"principal"`
	Namespace string            `json:"namespace"`
	Name      string            `json:"name"`
	Version   string            `json:"version"`
	Digest    string            `json:"digest"`
	Level     string            `json:"level"`
	Execution string            `json:"execution"`
	Run       string            `json:"run"`
	Task      string            `json:"task"`
	Activity  string            `json:"activity"`
	ID        string            `json:"id"`
	Type      string            `json:"type"`
	Severity  string            `json:"severity"`
	Subject   string            `json:"subject"`
	Outcome   string            `json:"outcome"`
	Count     int64             `json:"count"`
	Policy    string            `json:"policy"`
	Message   string            `json:"msg"`
	Detail    map[string]string `json:"detail,omitempty"` // encoding/json sorts the keys
	// Prev is the SHA-256 of the line before, without its newline, in
	// hexadecimal; zeros for the first line of a chain.
	Prev string `json:"prev"`
}

// The bounds of one line. Hostile names are cut, never refused: their event
// happened all the same.
const (
	maxField   = 2 << 10
	maxDetails = 32
	maxLine    = 256 << 10 // more than all fields at their bounds, escaped
)

func (e Event) line(at time.Time, seq uint64, prev Hash) Line {
	return Line{
		Time: at.UTC(), Seq: seq, Kind: e.Kind, Client: e.Client.checked(), Principal: cut(e.Principal),
		Namespace: cut(e.Namespace), Name: cut(e.Name), Version: cut(e.Version), Digest: cut(e.Digest), Level: cut(e.Level),
		Execution: cut(e.Execution), Run: cut(e.Run), Task: cut(e.Task), Activity: cut(e.Activity),
		ID: cut(e.ID), Type: cut(e.Type), Severity: cut(e.Severity), Subject: cut(e.Subject), Outcome: cut(e.Outcome), Count: e.Count,
		Policy: cut(e.Policy), Message: cut(e.Message), Detail: cutDetail(e.Detail), Prev: prev.String(),
	}
}

func (c Client) checked() Client {
	address, err := netip.ParseAddr(c.IP)
	if err != nil {
		return Client{}
	}
	return Client{IP: address.Unmap().WithZone("").String()}
}

// cut bounds a field, on a character's edge, and makes it text.
func cut(s string) string {
	s = strings.ToValidUTF8(s, "�")
	if len(s) <= maxField {
		return s
	}
	end := maxField
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

func cutDetail(detail map[string]string) map[string]string {
	if len(detail) == 0 {
		return nil
	}
	out := make(map[string]string, len(detail))
	for _, key := range sortedKeys(detail) {
		if len(out) == maxDetails {
			break
		}
		out[cut(key)] = cut(detail[key])
	}
	return out
}

// encode renders the line without its newline. JSON escapes what could break a
// line or forge a field, so that the one rule for readers is: a line is an event.
func (l Line) encode() ([]byte, error) {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(l); err != nil {
		return nil, err
	}
	return []byte(strings.TrimSuffix(text.String(), "\n")), nil
}
