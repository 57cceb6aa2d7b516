package expression

import (
	"fmt"
	"time"
)

// Mode is the document's evaluate.mode.
type Mode string

// The evaluation modes of the DSL.
const (
	Strict Mode = "strict" // only "${ … }" strings are expressions
	Loose  Mode = "loose"  // every string is tried as one, and stays itself when it does not evaluate
)

// Scope is the ordered set of variable names (without "$") that an expression
// may read; any other name is a SyntaxError. The zero Scope has none. A Scope is
// a value: With returns a new one.
type Scope struct{ names []string }

// Env is what one evaluation may see besides its input. Evaluating changes
// neither the values nor the map, so executions may share both.
type Env struct {
	// Vars holds the value of each name in the expression's Scope; a missing one is
	// what Late says, or null.
	Vars map[string]any
	// Late, unless nil, gives what Vars lacks when an expression reads it: most read few.
	Late Variables
	// Now is what jq's now returns, in seconds, exact to the microsecond; workflow
	// code hands in workflow time. The zero Time reads as 0.
	Now time.Time
	// Steps, unless nil, is increased by the steps that the evaluation took.
	Steps *int
}

// Variables gives the value of a variable by its name, without "$". Each call may give
// a new value; it is the caller's.
type Variables interface{ Read(name string) any }

// Var is the value of a variable, without "$".
func (e Env) Var(name string) any {
	v, ok := e.Vars[name]
	if !ok && e.Late != nil {
		return e.Late.Read(name)
	}
	return v
}

// SyntaxError is an expression that does not compile. Reason quotes at most 60
// bytes of the author's text.
type SyntaxError struct {
	Source string // the whole string as written, with "${" and "}"
	Offset int    // byte offset in Source
	Path   string // JSON pointer inside the template, "" for an Expression
	Reason string
}

func (e *SyntaxError) Error() string { return e.Reason }

// EvaluationError is an expression that failed on its input; the DSL calls it
// an error of type expression, status 400. Its text is bounded and names the
// types of what the expression failed on, never their values: an error ends up
// in histories and logs, and a value may be a secret. Only what a program itself
// raises with error("…") is quoted, and only when that text stands in the
// program or the program reads no variables.
type EvaluationError struct {
	Source string // the whole string as written; "" when no one expression is at fault
	Path   string // JSON pointer inside the template, "" for an Expression
	Reason string
}

func (e *EvaluationError) Error() string {
	subject := "expression"
	if e.Source != "" {
		subject += " " + preview(e.Source)
	}
	if e.Path != "" {
		subject += " at " + e.Path
	}
	return fmt.Sprintf("%s: %s", subject, e.Reason)
}
