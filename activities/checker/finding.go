package checker

import (
	"fmt"
	"slices"

	"lazaret.dev/lazaret/policies"
)

// Finding is one thing that a script mentions, at its place in the source.
type Finding struct {
	Rule    string `json:"rule"`    // one of policies.ScriptRules
	Subject string `json:"subject"` // what is mentioned: "os.system", "eval", "__class__"
	// Import is set where the subject is a module that is imported.
	Import      bool   `json:"import,omitempty"`
	Line        int    `json:"line"`   // from 1
	Column      int    `json:"column"` // in characters, from 1
	Message     string `json:"message"`
	SnippetHash string `json:"snippetHash"` // of the code found: the same snippet elsewhere has the same
	// Response is the level's; Facts leaves it at its zero value.
	Response policies.Response `json:"-"`
	Hint     string            `json:"-"`
}

// String is the finding as one line.
func (f Finding) String() string {
	return fmt.Sprintf("%d:%d: %s [%s]", f.Line, f.Column, f.Message, f.Rule)
}

// Facts are what the checker found in one script, whatever the level.
type Facts struct {
	Findings []Finding
	// Asked gives, for each name that was asked for, the rule that using it
	// meets, or "".
	Asked map[string]string
}

// Refused are the findings for which the script must not start.
func Refused(findings []Finding) []Finding {
	return slices.DeleteFunc(slices.Clone(findings), func(f Finding) bool { return f.Response != policies.Refuse })
}
