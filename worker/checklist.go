package worker

import "lazaret.dev/lazaret/workflows/definition"

// checkItem is one question of a checklist. A finding of one of its rules
// answers it with no, whatever a level makes of that rule.
type checkItem struct {
	Checklist string // who asks: author, reviewer
	ID        string
	Text      string
	Scripts   bool // the answer needs the scripts to be read
	Rules     []string
}

// checklists are what an author asks before handing a definition over (B68),
// and what a reviewer asks before trusting it (B69).
var checklists = []checkItem{
	{"author", "no-dynamic-code", "No code is made from text: eval, exec, compile", true, []string{"script.function", "script.import.dynamic"}},
	{"author", "no-shell", "No script starts other programs: os.system, subprocess", true, []string{"script.shell", "script.process"}},
	{"author", "no-dunders", "No script reaches for the interpreter's own attributes", true, []string{"script.dunder"}},
	{"author", "https-sources", "Scripts and requirements come over HTTPS", false, []string{"script.source", "python.requirements"}},
	{"author", "no-secrets", "No secret is written out", false, []string{"secret.plain"}},
	{"author", "packages-declared", "Packages that scripts import are declared", true, []string{"script.package", "python.packages"}},
	{"reviewer", "no-dangerous-functions", "No script uses what is dangerous in untrusted hands", true, []string{
		"script.function", "script.import.dynamic", "script.shell", "script.process", "script.dunder", "script.deserialise",
		"script.introspection", "script.native", "script.bidi", "script.format.attribute",
	}},
	{"reviewer", "https-sources", "Scripts and requirements come over HTTPS", false, []string{"script.source", "python.requirements"}},
	{"reviewer", "argument-depth", "Arguments nest at most ten deep", false, []string{"script.arguments.depth"}},
	{"reviewer", "argument-names", "Arguments have names that can be variables", false, []string{"script.arguments", "script.identifier"}},
	{"reviewer", "packages-once", "Packages are listed or come from a requirements file, not both", false, []string{"python.exclusive"}},
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
}
