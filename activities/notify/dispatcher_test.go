package notify

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/ledger"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// office is a webhook that keeps what it is told.
type office struct {
	server *httptest.Server
	mu     sync.Mutex
	got    []Message
	deaf   bool
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{}
	o.server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.mu.Lock()
		defer o.mu.Unlock()
		var m Message
		assert.NoError(t, json.NewDecoder(r.Body).Decode(&m))
		if o.deaf {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		o.got = append(o.got, m)
	}))
	t.Cleanup(o.server.Close)
	return o
}

func (o *office) target(name string) policies.NotifyTarget {
	return policies.NotifyTarget{Name: name, Type: "webhook", URL: o.server.URL, PrivateNetworks: loopback}
}

// told closes the dispatcher and returns what arrived.
func (o *office) told(d *Dispatcher) []Message {
	d.Close()
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.got
}

func (o *office) options() Options {
	return Options{Transport: Transport{Roots: rootsOf(o.server), Wait: time.Millisecond}}
}

// TestDispatcher_Selects by severity and rule (A29).
func TestDispatcher_Selects(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	d := Start(o.options())
	routes := []policies.NotifyRoute{{Target: o.target("high"), MinSeverity: sandbox.High}, {Target: o.target("files"), MinSeverity: sandbox.Low, Rules: policies.Patterns{"*File*"}}}
	for i, row := range []struct{ severity, rule string }{
		{"Low", "UnauthorizedSystemCall"}, {"Medium", "UnauthorizedNetworkAccess"}, {"Medium", "UnauthorizedFileAccess"}, {"High", "InvalidPermission"}, {"Critical", "UnauthorizedFileAccess"},
	} {
		m := aMessage()
		m.ID, m.Severity, m.Rule, m.Definition = fmt.Sprint(i), row.severity, row.rule, fmt.Sprint("demo/", i)
		d.Send(m, routes)
	}
	var got []string
	for _, m := range o.told(d) {
		got = append(got, m.Severity+" "+m.Rule)
	}
	assert.Equal(t, []string{"Medium UnauthorizedFileAccess", "High InvalidPermission", "Critical UnauthorizedFileAccess", "Critical UnauthorizedFileAccess"}, got)
}

// TestDispatcher_Repeats: what was told is not told again; what comes again soon is
// counted and told with the next.
func TestDispatcher_Repeats(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	now := at
	options := o.options()
	options.Clock = func() time.Time { return now }
	d := Start(options)
	routes := []policies.NotifyRoute{{Target: o.target("ops")}}
	send := func(id, kind string) {
		m := aMessage()
		m.ID, m.Kind = id, kind
		d.Send(m, routes)
	}
	send("1", "violation")
	send("1", "violation") // a retry of the activity
	send("2", "violation") // within the cooldown
	send("3", "violation")
	send("4", "quarantine") // always told
	now = now.Add(5 * time.Minute)
	send("5", "violation")
	got := o.told(d)
	require.Len(t, got, 3)
	assert.Equal(t, []string{"1", "4", "5"}, []string{got[0].ID, got[1].ID, got[2].ID})
	assert.Equal(t, 3, got[2].Count)
}

// TestDispatcher_Findings: ten dangerous functions an hour, five nestings, one
// plain URL (B56, B57, B58), at the count before and at the count.
func TestDispatcher_Findings(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		rule  string
		count int
	}{
		"Dangerous function detected in script source: eval": {"dangerous-function", 10},
		"Maximum nesting depth exceeded":                     {"nesting-depth", 5},
		"Only HTTPS URLs are allowed for external scripts":   {"https-only", 1},
		"Dangerous shell command detected: os.system":        {"dangerous-shell", 10},
		"Dangerous dunder attribute detected: __globals__":   {"dangerous-dunder", 10},
		"something else that the checker says in passing":    {"", 1000},
	} {
		for _, times := range []int{want.count - 1, want.count, 2*want.count - 1, 2 * want.count} {
			o := newOffice(t)
			now := at
			options := o.options()
			options.Clock = func() time.Time { return now }
			options.Cooldown = time.Nanosecond
			d := Start(options)
			for range times {
				now = now.Add(time.Second)
				d.Found(Message{Definition: "demo/x", Text: text, At: now}, []policies.NotifyRoute{{Target: o.target("chat"), Rules: policies.Patterns{want.rule}}})
			}
			got := o.told(d)
			if want.rule == "" {
				assert.Empty(t, got)
				continue
			}
			require.Len(t, got, times/want.count, "%d times %s", times, text)
			for _, m := range got {
				assert.Equal(t, want.count, m.Count)
				assert.Equal(t, want.rule, m.Rule)
			}
		}
	}
	// Spread over more than an hour they do not fire.
	c := counter{thresholds: Findings, seen: map[string][]time.Time{}}
	for i := range 30 {
		_, _, fires := c.fires("Dangerous function detected: eval", at.Add(time.Duration(i)*7*time.Minute))
		assert.False(t, fires)
	}
}

// TestDispatcher_DeadLetters: what cannot be delivered is kept, without the secret
// that it would have told (A40).
func TestDispatcher_DeadLetters(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.deaf = true
	file := filepath.Join(t.TempDir(), "dead.jsonl")
	options := o.options()
	options.DeadLetter = file
	options.Redact = func(text string) string { return strings.ReplaceAll(text, "canary-4711", "*****") }
	failed := 0
	options.Observe = func(_ policies.NotifyTarget, _ Message, err error) {
		if err != nil {
			failed++
		}
	}
	d := Start(options)
	m := aMessage()
	m.Subject, m.Text, m.Task = "canary-4711", "said canary-4711", "/do/0/\x1b[31mred\u202e"
	d.Send(m, []policies.NotifyRoute{{Target: o.target("ops")}})
	require.Empty(t, o.told(d))
	assert.Equal(t, 1, failed)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	info, err := os.Stat(file)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	assert.NotContains(t, string(text), "canary")
	assert.Contains(t, string(text), "*****")
	assert.NotContains(t, string(text), "\\u001b")
	var letter DeadLetter
	require.NoError(t, json.Unmarshal([]byte(strings.TrimSpace(string(text))), &letter))
	assert.Equal(t, "ops", letter.Target)
	assert.Contains(t, letter.Error, "answered 403")
}

// TestDispatcher_Flood: nobody waits for a target that is slow; what is too much is
// kept.
func TestDispatcher_Flood(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "dead.jsonl")
	d := Start(Options{Transport: Transport{Roots: rootsOf(server)}, Queue: 5, DeadLetter: file})
	target := policies.NotifyTarget{Name: "slow", Type: "webhook", URL: server.URL, PrivateNetworks: loopback}
	for i := range 100 {
		m := aMessage()
		m.ID, m.Definition = fmt.Sprint(i), fmt.Sprint("demo/", i)
		d.Send(m, []policies.NotifyRoute{{Target: target}})
	}
	close(release)
	d.Close()
	d.Close()
	d.Send(aMessage(), []policies.NotifyRoute{{Target: target}}) // by an activity that outlives its worker
	in, err := os.Open(file)
	require.NoError(t, err)
	defer func() { _ = in.Close() }()
	lines := 0
	for scanner := bufio.NewScanner(in); scanner.Scan(); lines++ {
	}
	assert.GreaterOrEqual(t, lines, 95)
	assert.Less(t, lines, 101)
}

// TestFromNotice: what the ledger notices, as people are told.
func TestFromNotice(t *testing.T) {
	t.Parallel()
	n := ledger.Notice{
		Kind: ledger.Quarantined, At: at, Reason: "1 of 1 violations that count",
		Summary:    contract.LedgerSummary{Namespace: "demo", Name: "x", State: "quarantined", Incident: "i1", Revision: 3},
		Violations: []contract.Violation{{ID: "v1", Type: "UnauthorizedSystemCall", Severity: "Low"}, {ID: "v2", Type: "UnauthorizedFileAccess", Severity: "High", Subject: "read /etc/shadow"}},
	}
	m := fromNotice(n)
	assert.Equal(t, "quarantine demo/x 3 v1 v2", m.ID)
	assert.Equal(t, "Critical", m.Severity)
	assert.Equal(t, "UnauthorizedFileAccess", m.Rule)
	assert.Equal(t, "the definition is in quarantine: 1 of 1 violations that count", m.Text)
	assert.Equal(t, m, fromNotice(n), "again it is the same")
	// Of as many violations as a ledger keeps, the id is still one that servers take as a header.
	many := n
	for i := range 256 {
		many.Violations = append(many.Violations, contract.Violation{ID: fmt.Sprintf("%032d", i), Type: "UnauthorizedFileAccess", Severity: "High"})
	}
	long := fromNotice(many).ID
	assert.LessOrEqual(t, len(long), maxID)
	assert.Equal(t, long, fromNotice(many).ID)
	many.Violations[255].ID = "another"
	assert.NotEqual(t, long, fromNotice(many).ID)
	// A route can ask for a type of incident (C34).
	assert.Equal(t, []string{contract.UnauthorizedAccess, contract.AbnormalActivity}, m.Types)
	assert.True(t, wants(policies.NotifyRoute{MinSeverity: sandbox.High, Rules: []string{"unauthorized-*"}}, m))
	assert.False(t, wants(policies.NotifyRoute{MinSeverity: sandbox.High, Rules: []string{contract.ResourceAbuse}}, m))
}
