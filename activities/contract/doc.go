// Package contract holds what workflows and activities say to each other:
// names and wire types. They stand in recorded histories, so a field is never
// renamed or given another meaning; new ones are optional. It imports nothing
// of ours: it copies, so that no refactoring elsewhere can change a history.
package contract
