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
// may read; any other name is a SyntaxError. The zero Scope has none.
type Scope struct{ names []string }

// Env is what one evaluation may see besides its input.
type Env struct {
	// Vars holds the value of each name in the expression's Scope; a missing one reads as null.
	Vars map[string]any
	// Now is what jq's now returns; workflow code hands in workflow time.
	Now time.Time
}

// SyntaxError is an expression that does not compile.
type SyntaxError struct {
	Source string // the whole string as written, with "${" and "}"
	Offset int    // byte offset in Source
	Path   string // JSON pointer inside the template, "" for an Expression
	Reason string
}

func (e *SyntaxError) Error() string { return e.Reason }

// EvaluationError is an expression that failed on its input; the DSL calls it
// an error of type expression, status 400. Its text is bounded and quotes data.
type EvaluationError struct {
	Source string
	Path   string
	Reason string
}

func (e *EvaluationError) Error() string {
	return fmt.Sprintf("expression %s: %s", preview(e.Source), e.Reason)
}
