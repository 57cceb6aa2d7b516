// Package expression compiles and evaluates the DSL's runtime expressions: jq
// programs in "${ … }", bare where a property is itself an expression, and
// templates, which are JSON trees with expressions in them.
//
// Compile and CompileSlot are for properties that are expressions (if, when,
// input.from, output.as, export.as, for.in, while), CompileTemplate for values
// (set, with, arguments, environment), CompileText for texts with expressions
// inside (run.shell's command). All of them read the variables of a Scope and no
// others. A result is never looked at again: expression syntax in data is data.
//
// # Data model
//
// Values are nil, bool, string, int, float64, *big.Int, json.Number, []any and
// map[string]any. Decode, Normalize and Encode stand at its borders. Values are
// treated as immutable: evaluating changes neither its input nor a variable, so
// any number of executions may share them, and a result may share structure with
// them. It never shares structure with the program or the template.
//
// # Determinism
//
// The clock is handed in (Env.Now); the environment, the host's time zone,
// further inputs, modules and halting are refused when the expression compiles,
// with the place and the reason. A step budget, never a deadline, ends a runaway
// program: it takes the same number of steps on every replay and on every
// worker, and no try in the program catches it. Steps are instructions of the
// jq virtual machine, plus what a single instruction does to its data, charged
// before it is done; limits.go has the bounds.
//
// gojq offers no way to replace a built-in, so hook.go rewrites the operands of
// a compiled program (the package's one use of unsafe) and each.go its syntax
// tree. Tests hold both to gojq's own answers.
//
// # Errors
//
// A SyntaxError has the byte offset in the string as it was written, an
// EvaluationError the types of what the program failed on, not their values.
// Both can be shown to users and kept in histories.
//
// # Limits
//
// What the budget bounds is work; with all of it spent, one evaluation has taken
// about half a second of one core (up to two on hostile programs) and allocated
// less than 400 MiB in all. Collecting all matches of a regular expression is
// quadratic in gojq and is charged as such: gsub with a match on every 40-byte line
// is refused beyond about 60 KB; split by a string is linear. Programs that are
// compiled from one definition and evaluated by different versions of gojq may
// differ in what gojq itself changed.
//
// Nothing here knows Temporal. A compiled Expression or Template is immutable
// and safe for concurrent use.
package expression
