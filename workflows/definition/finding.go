package definition

import (
	"fmt"
	"strings"
)

// Severity says whether a finding stops a definition from running: an error alone does.
type Severity string

// The severities.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	// Note is about a document with which nothing need be wrong.
	Note Severity = "note"
)

// Finding is one thing wrong with a document, with its place and its remedy.
type Finding struct {
	File      string   `json:"file"`
	Line      int      `json:"line"`
	Column    int      `json:"column"`
	Severity  Severity `json:"severity"`
	Rule      string   `json:"rule"` // stable: "schema.required", "expression.invalid", "then.unknown"
	Message   string   `json:"message"`
	Hint      string   `json:"hint,omitempty"`
	Reference string   `json:"reference,omitempty"` // JSON pointer in the document
}

// String is the finding as one line: file:line:col: message [rule].
func (f Finding) String() string {
	return fmt.Sprintf("%s:%d:%d: %s [%s]", f.File, f.Line, f.Column, f.Message, f.Rule)
}

// Findings is the error that Parse returns for a bad document, in source order.
type Findings []Finding

func (fs Findings) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

// Errors are the findings that stop the definition from running.
func (fs Findings) Errors() Findings {
	var errs Findings
	for _, f := range fs {
		if f.Severity == Error {
			errs = append(errs, f)
		}
	}
	return errs
}

// HasErrors reports whether any finding is an error.
func (fs Findings) HasErrors() bool { return len(fs.Errors()) > 0 }

// FindingAt is a finding of severity error about the value at a JSON pointer of
// the definition, for checks that know more than the document.
func (d *Definition) FindingAt(file, pointer, rule, hint, message string) Finding {
	f := Finding{File: file, Severity: Error, Rule: rule, Message: message, Hint: hint, Reference: pointer}
	if _, root, p := read(d.Source); p == nil {
		at := cursor{node: root, raw: root.value(), at: root.at}.walk(splitPointer(pointer)).at
		f.Line, f.Column = at.Line, at.Column
	}
	return f
}
