package contract

import "encoding/json"

// Start is the one argument of an execution of a definition.
type Start struct {
	// Definition is the document to run. It travels with the execution, so that
	// editing a file never touches a run in flight.
	Definition Source `json:"definition"`
	// Published names the document instead: a published version of the workflow
	// type's definition. The execution finds it once and carries it from then on.
	Published PublishedRef `json:"published,omitzero"`
	// Library holds the definitions that run.workflow may name.
	Library []Source `json:"library,omitempty"`
	// Input is the raw input; absent means null.
	Input json.RawMessage `json:"input,omitempty"`
	// Sandbox is the level asked for, with what entitles to it.
	Sandbox Sandbox `json:"sandbox,omitzero"`
	// Runtime is the version of the product that started the execution: $runtime.version.
	Runtime string `json:"runtime,omitempty"`
	// Execution is the workflow id of the outermost execution; absent there.
	Execution string `json:"execution,omitempty"`
	// Interpreter is what whoever started the execution expects of the one that runs it.
	Interpreter int `json:"interpreter,omitempty"`
	// Patient: where the definition is in quarantine, the execution waits for the
	// release before it begins, and is not refused. Events are not lost so.
	Patient bool `json:"patient,omitempty"`
	// Depth counts the run.workflow tasks above this execution.
	Depth int `json:"depth,omitempty"`
	// RolledBack is the version whose error this execution recovers from, by being
	// of the version before it.
	RolledBack string `json:"rolledBack,omitempty"`
	// State is where an earlier run of this execution stopped to continue as new.
	State json.RawMessage `json:"state,omitempty"`
}

// AdmittingInterpreter is the first that asks, before it begins, whether the
// definition is held; older executions are stopped at their activities alone.
const AdmittingInterpreter = 1

// Interpreter is the newest.
const Interpreter = AdmittingInterpreter

// PublishedRef pins a published version by its digest.
type PublishedRef struct {
	Version string `json:"version"`
	Digest  string `json:"digest"`
}

// Root is the workflow id of the outermost execution, given this one's own.
func (s Start) Root(own string) string {
	if s.Execution != "" {
		return s.Execution
	}
	return own
}

// Source is a definition's document with its identity.
type Source struct {
	File     string `json:"file,omitempty"` // for messages only
	Document string `json:"document"`
	Digest   string `json:"digest"` // SHA-256 of Document, hex
	// Signature is over Digest; empty: nobody has signed it. Activities verify it,
	// against the policy's signers.
	Signature string `json:"signature,omitempty"`
}

// Sandbox asks for a level. An empty level is the worker's own; a stricter one
// is always granted; a weaker one needs a Grant that the worker can verify.
type Sandbox struct {
	Level   string   `json:"level,omitempty"`
	Digests []string `json:"digests,omitempty"` // of the definitions that Grant covers
	Grant   string   `json:"grant,omitempty"`
	// Metadata is the level that the definition's own metadata asks for, which no
	// grant covers: a definition may ask for a stricter level, never a weaker one.
	Metadata string `json:"metadata,omitempty"`
}
