package definition

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"lazaret.dev/lazaret/workflows/expression"
)

// Parse reads and checks a document; name stands in its findings as the file.
// The error is Findings: everything wrong with the document, in source order,
// warnings left out. The same bytes always give the same Definition.
func Parse(name string, text []byte) (*Definition, error) {
	d, findings := Check(name, text)
	if errs := findings.Errors(); len(errs) > 0 {
		return nil, errs
	}
	return d, nil
}

// ParseBegun is Parse for an execution that has begun, or a definition that is published:
// what was a warning when they came does not stop them.
func ParseBegun(name string, text []byte) (*Definition, error) {
	d, findings := Draft(name, text)
	errs := slices.DeleteFunc(findings.Errors(), func(f Finding) bool { return slices.Contains(warningsOnce, f.Rule) })
	if len(errs) > 0 {
		return nil, errs
	}
	return d, nil
}

// warningsOnce are the rules whose findings were warnings in an earlier version, and
// leave nothing out of a Definition.
var warningsOnce = []string{"document.unknown-key"}

// Check is Parse with the warnings. The Definition is nil where a finding is an error.
func Check(name string, text []byte) (*Definition, Findings) {
	d, findings := Draft(name, text)
	if findings.HasErrors() {
		return nil, findings
	}
	return d, findings
}

// Draft is Check for tools that look into definitions with errors: the
// Definition is what could be made of the document, to be read and never run.
// Tasks that are in error may have no Body. It is nil where the document is no
// tree at all, or of another language.
func Draft(name string, text []byte) (*Definition, Findings) {
	c := newChecker(name)
	root := c.read(text)
	if !root.exists() || c.older(root) {
		return nil, c.done()
	}
	c.validateWith(documentSchema(), root)
	d := c.build(root)
	findings := c.done()
	sum := sha256.Sum256(text)
	d.Source, d.Digest = slices.Clone(text), hex.EncodeToString(sum[:])
	return d, findings
}

// Validate says whether the text is a document of the DSL: its syntax and our
// schema alone, not what its names mean nor what this version runs.
func Validate(name string, text []byte) Findings {
	c := newChecker(name)
	if root := c.read(text); root.exists() {
		c.validateWith(documentSchema(), root)
	}
	return c.done()
}

// checker gathers the findings of one document.
type checker struct {
	file     string
	source   *source
	findings Findings
	schema   map[string]bool // references the schema has spoken about; true: wholly
	mode     expression.Mode
	use      cursor   // the document's reusable components
	secrets  []string // use.secrets
	// readSecrets are those of secrets that something reads.
	readSecrets map[string]bool
	py          Python          // document.metadata.python
	used        map[string]bool // references of the parts of use that tasks refer to
	compiled    int             // bytes of expressions so far

	namespace string           // document.namespace
	functions map[string]*Task // of use.functions, by reference
}

func newChecker(file string) *checker {
	return &checker{file: file, used: map[string]bool{}, functions: map[string]*Task{}, readSecrets: map[string]bool{}}
}

// read gives the tree's root; it does not exist where the text is unreadable.
func (c *checker) read(text []byte) cursor {
	s, root, p := read(text)
	if p != nil {
		c.add(Finding{Line: p.at.Line, Column: p.at.Column, Rule: p.rule, Message: p.message, Hint: p.hint})
		return cursor{}
	}
	c.source = s
	return cursor{node: root, raw: root.value(), at: root.at}
}

func (c *checker) validateWith(schema *jsonschema.Schema, root cursor) {
	c.schema = map[string]bool{}
	for _, f := range schemaFindings(schema, root) {
		c.add(f)
		c.schema[f.Reference] = c.schema[f.Reference] || !partial[f.Rule]
	}
}

func (c *checker) add(f Finding) {
	f.File = c.file
	if f.Severity == "" {
		f.Severity = Error
	}
	c.findings = append(c.findings, f)
}

// report adds an error at the place that names cur.
func (c *checker) report(cur cursor, rule, format string, args ...any) {
	c.reportHint(cur, rule, "", format, args...)
}

// reportHint is report with a remedy.
func (c *checker) reportHint(cur cursor, rule, hint, format string, args ...any) {
	if c.knownToSchema(cur) {
		return
	}
	c.add(newFinding(cur, rule, hint, fmt.Sprintf(format, args...)))
}

// warn adds a warning at the place that names cur.
func (c *checker) warn(cur cursor, rule, hint, format string, args ...any) {
	if c.knownToSchema(cur) {
		return
	}
	f := newFinding(cur, rule, hint, fmt.Sprintf(format, args...))
	f.Severity = Warning
	c.add(f)
}

// knownToSchema reports whether the schema has spoken about this place, or
// about what holds it; what follows from that would be noise.
func (c *checker) knownToSchema(cur cursor) bool {
	if len(c.schema) == 0 {
		return false
	}
	if _, spoken := c.schema[cur.ref]; spoken {
		return true
	}
	return within(cur.ref, func(ref string) bool { return c.schema[ref] })
}

// within reports whether holds is true of some value that holds the one at ref.
func within(ref string, holds func(ref string) bool) bool {
	for i := strings.LastIndexByte(ref, '/'); i >= 0; i = strings.LastIndexByte(ref[:i], '/') {
		if holds(ref[:i]) {
			return true
		}
	}
	return false
}

// partial are the rules of the schema's findings that leave the rest of an
// object meaningful.
var partial = map[string]bool{"schema.required": true, "schema.unknown-property": true, "task.kind": true, "task.kinds": true}

func newFinding(cur cursor, rule, hint, message string) Finding {
	return Finding{
		Line: cur.at.Line, Column: cur.at.Column, Rule: rule,
		Message: message, Hint: hint, Reference: cur.ref,
	}
}

// done is the findings in source order, each once.
func (c *checker) done() Findings {
	slices.SortStableFunc(c.findings, compareFindings)
	return OncePerPlace(c.findings)
}

// OncePerPlace leaves one finding of those that say the same about one place: what
// stands behind an alias is read, and found fault with, wherever the alias stands.
func OncePerPlace(findings Findings) Findings {
	said := make(map[Finding]bool, len(findings))
	return slices.DeleteFunc(findings, func(f Finding) bool {
		f.Reference, f.Message = "", withoutTask(f.Message)
		twice := said[f]
		said[f] = true
		return twice
	})
}

// withoutTask is the message less the task that it begins with: the tasks that an
// alias stands for have names of their own.
func withoutTask(message string) string {
	rest, begins := strings.CutPrefix(message, "task ")
	quoted, err := strconv.QuotedPrefix(rest)
	if !begins || err != nil {
		return message
	}
	if rest, begins = strings.CutPrefix(rest[len(quoted):], ": "); !begins {
		return message
	}
	return rest
}

func compareFindings(a, b Finding) int {
	if d := a.Line - b.Line; d != 0 {
		return d
	}
	if d := a.Column - b.Column; d != 0 {
		return d
	}
	if d := strings.Compare(a.Rule, b.Rule); d != 0 {
		return d
	}
	return strings.Compare(a.Message, b.Message)
}
