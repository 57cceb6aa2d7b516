// Package expression compiles and evaluates the DSL's runtime expressions: jq
// programs in "${ … }", bare where a property is itself an expression, and
// templates, which are JSON trees with expressions in them.
//
// Evaluation is deterministic: the clock, the host's zone, the environment and
// randomness are handed in or refused, and a step budget (never a deadline)
// ends a runaway program at the same place on every replay. Nothing here knows
// Temporal. A compiled Expression or Template is immutable and safe for
// concurrent use.
package expression
