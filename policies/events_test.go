package policies_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
)

const rulesHead = "rules:\n  - {name: orders, source: shop/web, target: shop/*, types: [order.placed, order.paid.*], maxSize: 100}\n"

func readRules(t *testing.T, text string) policies.EventRules {
	t.Helper()
	rules, err := policies.ReadEventRules("rules.yaml", []byte(text))
	require.NoError(t, err)
	return rules
}

// TestEventRules_OrderOfChecks shows which check wins where several would
// reject (A33, A34, A38): each row fails its check and all that come after it.
func TestEventRules_OrderOfChecks(t *testing.T) {
	rules := readRules(t, rulesHead)
	for name, tt := range map[string]struct {
		sender, eventType string
		size              int
		want              string
	}{
		"no rule, no type, too large":  {"shop/other", "unknown", 1000, policies.RuleCheck},
		"a rule, no type, too large":   {"shop/web", "unknown", 1000, policies.TypeCheck},
		"a rule, a type, too large":    {"shop/web", "order.placed", 101, policies.SizeCheck},
		"all of it":                    {"shop/web", "order.placed", 100, ""},
		"a family of types":            {"shop/web", "order.paid.late", 1, ""},
		"a family is not its own name": {"shop/web", "order.paid", 1, policies.TypeCheck},
		"nor what begins like it":      {"shop/web", "order.paidx", 1, policies.TypeCheck},
		"another namespace":            {"shopx/web", "order.placed", 1, policies.RuleCheck},
		"a sender that is no name":     {"@cli", "order.placed", 1, policies.RuleCheck},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, tt.want, rules.Judge(tt.sender, tt.eventType, tt.size).Verdict.Check)
			assert.Equal(t, tt.want, rules.JudgeReceipt(tt.sender, "shop/stock", tt.eventType, tt.size).Check)
		})
	}
	assert.Equal(t, policies.RuleCheck, rules.JudgeReceipt("shop/web", "bank/books", "order.placed", 1).Check, "another target")
}

// TestEventRules_ZeroPermitsNothing: the default is to deny (A33).
func TestEventRules_ZeroPermitsNothing(t *testing.T) {
	var none policies.EventRules
	for _, sender := range []string{"shop/web", "@cli", ""} {
		assert.Equal(t, policies.RuleCheck, none.Judge(sender, "order.placed", 1).Verdict.Check, sender)
	}
}

func TestEventRules_DisabledIsNoRule(t *testing.T) {
	rules := readRules(t, "rules: [{source: a/b, target: a/b, types: [x], disabled: true}]")
	assert.Equal(t, policies.RuleCheck, rules.Judge("a/b", "x", 1).Verdict.Check)
}

// TestEventRules_Counts: every event counts towards its sender's rate and those
// of the rules that permit it (A35).
func TestEventRules_Counts(t *testing.T) {
	rules := readRules(t, "rate: {limit: 5, window: 2s}\nrules: [{name: r, source: 'a/*', target: a/b, types: [x], rate: {limit: 1}}]")
	sender := policies.EventCount{Key: "a/c", Rate: policies.EventRate{Limit: 5, Window: 2 * time.Second}}
	rule := policies.EventCount{Key: "a/c r", Rate: policies.EventRate{Limit: 1, Window: time.Second}}
	assert.Equal(t, []policies.EventCount{sender, rule}, rules.Judge("a/c", "x", 1).Counts)
	assert.Equal(t, []policies.EventCount{sender}, rules.Judge("a/c", "other", 1).Counts)
	assert.Empty(t, rules.Judge("@lifecycle", "x", 1).Counts)
}

func TestReadEventRules_Example(t *testing.T) {
	text, err := os.ReadFile("../testdata/events/rules.yaml")
	require.NoError(t, err)
	rules := readRules(t, string(text))
	require.Len(t, rules.Rules, 3)
	assert.Equal(t, 5, rules.Rules[1].Priority)
	assert.Equal(t, "@sink/warehouse", rules.Sinks[0].Target())
	assert.Empty(t, rules.Broad())
	routes := rules.Judge("shop/order-placed", "com.example.order.placed", 10).Routes
	require.Len(t, routes, 2)
	assert.Equal(t, "@sink/warehouse", routes[1].Target)
}

// TestReadEventRules_Examples reads the rules that the documentation shows.
func TestReadEventRules_Examples(t *testing.T) {
	files, err := filepath.Glob("../testdata/events/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		_, err = policies.ReadEventRules(file, text)
		assert.NoError(t, err)
	}
}

// TestReadEventRules_Refuses names the place and what is wrong (A36, A37).
func TestReadEventRules_Refuses(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"nothing":          {"", "rules.yaml:1:1: the document is empty; give it rules"},
		"no YAML":          {"rules: [", "rules.yaml:1:1: line 1: did not find expected node content"},
		"unknown key":      {"rulez: []", "rules.yaml:1:1: /: additional properties 'rulez' not allowed"},
		"no target":        {"rules:\n  - {source: a/b, types: [x]}", "rules.yaml:2:5: /rules/0: missing property 'target'"},
		"every type":       {"rules:\n  - source: a/b\n    target: a/b\n    types: ['*']", `rules.yaml:4:13: "*" permits every type; list the types, or say unsafe: true`},
		"a star inside":    {"rules: [{source: a/b, target: a/b, types: ['x*y']}]", `rules.yaml:1:44: "x*y": a * stands only at the end, after a dot`},
		"no identity":      {"rules: [{source: a, target: a/b, types: [x]}]", `rules.yaml:1:18: /rules/0/source: 'a' does not match pattern '^([A-Za-z0-9*-]+/[A-Za-z0-9*-]+|@cli|@http/[A-Za-z0-9*-]+|@lifecycle|@libvirt)$'`},
		"no duration":      {"rate: {limit: 1, window: soon}", `rules.yaml:1:26: "soon" is no duration such as 1s or 10m, of 24h at most`},
		"one name twice":   {"rules:\n  - {name: n, source: a/b, target: a/b, types: [x]}\n  - {name: n, source: a/b, target: a/b, types: [x]}", `rules.yaml:3:12: a second rule is named "n"`},
		"a sink's secret":  {"sinks: [{name: s, url: 'https://u:p@example.com', source: a/b, types: [x]}]", "rules.yaml:1:24: a URL with a user name or password; use tokenFrom"},
		"a sink's scheme":  {"sinks: [{name: s, url: 'ftp://example.com', source: a/b, types: [x]}]", "rules.yaml:1:24: the scheme must be https, or http inside your network"},
		"a size too large": {"maxSize: 9999999", "rules.yaml:1:10: /maxSize: maximum: got 9.999999×10⁰⁶, want 1.048576×10⁰⁶"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := policies.ReadEventRules("rules.yaml", []byte(tt.text))
			assert.EqualError(t, err, tt.want)
		})
	}
}

// TestEventRules_Broad finds what permits more than most need (A32).
func TestEventRules_Broad(t *testing.T) {
	rules := readRules(t, "rules: [{name: wide, source: '*/*', target: a/b, types: ['*'], unsafe: true}]")
	assert.Equal(t, []string{"wide: permits every type", `wide: "*/*" stands for every namespace`}, rules.Broad())
	assert.Empty(t, rules.Judge("any/one", "any", 1).Verdict.Check)
}

// TestEventRules_Lifecycle: executions tell what some rule or sink is about, and
// nothing where none is.
func TestEventRules_Lifecycle(t *testing.T) {
	for name, tt := range map[string]struct {
		rules            string
		workflows, tasks bool
	}{
		"no rule":         {"rules: [{source: a/b, target: a/b, types: [io.serverlessworkflow.*]}]", false, false},
		"of executions":   {"rules: [{source: '@lifecycle', target: a/b, types: [io.serverlessworkflow.workflow.*]}]", true, false},
		"one transition":  {"rules: [{source: '@lifecycle', target: a/b, types: [io.serverlessworkflow.task.faulted.v1]}]", true, true},
		"of all":          {"rules: [{source: '@lifecycle', target: a/b, types: [io.serverlessworkflow.*]}]", true, true},
		"every type":      {"rules: [{source: '@lifecycle', target: a/b, types: ['*'], unsafe: true}]", true, true},
		"something else":  {"rules: [{source: '@lifecycle', target: a/b, types: [com.example.*]}]", false, false},
		"a disabled rule": {"rules: [{source: '@lifecycle', target: a/b, types: [io.serverlessworkflow.*], disabled: true}]", false, false},
		"a sink":          {"sinks: [{name: s, url: 'https://example.com', source: '@lifecycle', types: [io.serverlessworkflow.workflow.completed.v1]}]", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			workflows, tasks := readRules(t, tt.rules).Lifecycle()
			assert.Equal(t, tt.workflows, workflows)
			assert.Equal(t, tt.tasks, tasks)
		})
	}
}
