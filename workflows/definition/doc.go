// Package definition turns a workflow document (YAML or JSON, DSL 1.0.0 and
// newer) into a checked, typed, immutable Definition, or into findings that
// name file, line and column.
//
// It works in phases: text to a tree with positions, the tree against our own
// JSON Schema, integrity (names, targets, references), then typed values with
// every expression compiled. Whatever a later phase would have to guess is
// refused here, and what this version cannot run is refused by name. Nothing
// here knows Temporal.
package definition
