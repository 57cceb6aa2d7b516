// Package definition turns a workflow document (YAML or JSON, DSL 1.0.0 and
// newer) into a checked, typed, immutable Definition, or into findings that
// name file, line and column.
//
// Check does so and returns warnings too; Parse is for whoever runs the
// definition and returns errors alone; Validate holds a document against the
// language's schema and nothing else, and so accepts what this version does
// not run. JSONSchema is that schema, for editors.
//
// It works in phases: text to a tree with positions, the tree against our own
// JSON Schema, then typed values with every name resolved and every expression
// compiled in the scope where it stands. The phases after the first all run,
// so that one check tells everything; what an earlier phase has said about a
// place, a later one does not repeat. Whatever would have to be guessed at run
// time is refused here, and what this version cannot run is refused by name,
// with rules that begin with "unsupported.".
//
// YAML is read by the core schema of version 1.2: keys are strings however
// they look, "no" is a string, dates stay as written, and numbers keep every
// digit as json.Number. A document has at most 1 MiB, 200 levels and 100,000
// values, counted after aliases are expanded, and is checked in time linear in
// its size.
//
// A Definition belongs to everyone who holds it: executions share it, and
// nothing may change it, its trees of raw data included. Nothing here knows
// Temporal.
package definition
