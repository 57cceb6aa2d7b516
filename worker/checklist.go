package worker

import (
	"slices"
	"strings"

	"lazaret.dev/lazaret/activities/checker"
	"lazaret.dev/lazaret/workflows/definition"
)

// checkItem is one question of a checklist. A finding of one of its rules
// answers it with no, whatever a level makes of that rule.
type checkItem struct {
	Checklist string // who asks: author, reviewer, developer
	ID        string
	Text      string
	Scripts   bool     // the answer needs the scripts to be read
	Rules     []string // a star at the end stands for a family of rules
	Level     bool     // what the definition's level refuses in a script answers it with no, too
	Policy    bool     // the answer needs a policy
}

// asks says whether a finding of a rule answers the item.
func (i checkItem) asks(rule string) bool {
	return slices.ContainsFunc(i.Rules, func(asked string) bool {
		family, ok := strings.CutSuffix(asked, "*")
		return asked == rule || ok && strings.HasPrefix(rule, family)
	})
}

// checklists are what an author asks before handing a definition over (B68), what a
// reviewer asks before trusting it (B69), and what a developer asks of all that goes
// with it (A48).
var checklists = []checkItem{
	{Checklist: "author", ID: "no-dynamic-code", Text: "No code is made from text: eval, exec, compile", Scripts: true, Rules: []string{"script.function", "script.import.dynamic"}},
	{Checklist: "author", ID: "no-shell", Text: "No script starts other programs: os.system, subprocess", Scripts: true, Rules: []string{"script.shell", "script.process"}},
	{Checklist: "author", ID: "no-dunders", Text: "No script reaches for the interpreter's own attributes", Scripts: true, Rules: []string{"script.dunder"}},
	{Checklist: "author", ID: "https-sources", Text: "Scripts and requirements come over HTTPS", Rules: []string{"script.source", "python.requirements"}},
	{Checklist: "author", ID: "no-secrets", Text: "No secret is written out", Rules: []string{"secret.plain"}},
	{Checklist: "author", ID: "packages-declared", Text: "Packages that scripts import are declared", Scripts: true, Rules: []string{"script.package", "python.packages"}},
	{Checklist: "reviewer", ID: "no-dangerous-functions", Text: "No script uses what is dangerous in untrusted hands", Scripts: true, Rules: []string{
		"script.function", "script.import.dynamic", "script.shell", "script.process", "script.dunder", "script.deserialise",
		"script.introspection", "script.native", "script.bidi", "script.format.attribute",
	}},
	{Checklist: "reviewer", ID: "https-sources", Text: "Scripts and requirements come over HTTPS", Rules: []string{"script.source", "python.requirements"}},
	{Checklist: "reviewer", ID: "argument-depth", Text: "Arguments nest at most ten deep", Rules: []string{"script.arguments.depth"}},
	{Checklist: "reviewer", ID: "argument-names", Text: "Arguments have names that can be variables", Rules: []string{"script.arguments", "script.identifier"}},
	{Checklist: "reviewer", ID: "packages-once", Text: "Packages are listed or come from a requirements file, not both", Rules: []string{"python.exclusive"}},
	{Checklist: "developer", ID: "least-privilege", Text: "It declares nothing that it does not use, and its rule of the policy gives no more than it needs", Rules: []string{"unused.*", "policy.broad.*", "policy.unused.value"}},
	{Checklist: "developer", ID: "right-level", Text: "Its scripts are fit for the level that it gets, and it asks for no weaker one", Scripts: true, Level: true, Rules: []string{"policy.level"}},
	{Checklist: "developer", ID: "errors-handled", Text: "Every error is handled", Rules: []string{"lint.errors"}},
	{Checklist: "developer", ID: "no-secrets-in-logs", Text: "No secret is where a history or a log would show it", Rules: []string{"secret.*"}},
	{Checklist: "developer", ID: "input-validated", Text: "Its input is checked", Rules: []string{"lint.input", "schema.inline"}},
	{Checklist: "developer", ID: "limits-set", Text: "What it does takes a limited time", Rules: []string{"lint.timeout"}},
	{Checklist: "developer", ID: "minimal-events", Text: "It listens for no events but those that it means", Rules: []string{"lint.event"}},
	{Checklist: "developer", ID: "security-tests", Text: "Tests say what it must not do, and pass", Policy: true, Rules: []string{"lint.tests"}},
}

// The answers to an item.
const (
	itemPassed    = "passed"
	itemFailed    = "failed"
	itemUnchecked = "unchecked" // it could not be found out; that is no pass
)

// checkAnswer is an item's answer for one file.
type checkAnswer struct {
	File      string              `json:"file"`
	Checklist string              `json:"checklist"`
	Item      string              `json:"item"`
	Text      string              `json:"text"`
	Result    string              `json:"result"`
	Findings  definition.Findings `json:"findings"`
	// Risk is what the definition's scripts rate, where some could be read.
	Risk *checker.Risk `json:"risk,omitempty"`
}
