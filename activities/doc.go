// Package activities holds the effects of executions: what happens once per
// attempt and may fail. It is glue: it turns a request of the interpreter into
// a judgement (policies) and an act (sandbox), and the act's outcome into an
// output or an error of the DSL.
//
// An activity must not trust what a sandboxed program says; it reports what the
// worker saw. It is safe to run again: a sandbox leaves nothing behind.
package activities
