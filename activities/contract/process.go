package contract

import "encoding/json"

// Process asks for one program to be run in a sandbox: a script or a shell command.
type Process struct {
	Task        TaskID            `json:"task"`
	Language    string            `json:"language,omitempty"` // run.script: python, js
	Code        string            `json:"code"`               // the script, or the shell command
	Source      RemoteScript      `json:"source,omitzero"`    // the script, when Code is empty
	Version     string            `json:"version,omitempty"`  // of Python; the worker's own when empty
	Lock        string            `json:"lock,omitempty"`     // of Python packages
	Stdin       string            `json:"stdin,omitempty"`
	Arguments   json.RawMessage   `json:"arguments,omitempty"` // an object or an array
	Environment map[string]string `json:"environment,omitempty"`
	Return      string            `json:"return"` // stdout, stderr, code, all, none
	Sandbox     Sandbox           `json:"sandbox,omitzero"`
	Python      PythonNames       `json:"python,omitzero"`
	Secrets     []string          `json:"secrets,omitempty"` // that the definition declares
	// Sealed is what arguments, environment and stdin hold null for, or nothing;
	// its paths begin with those names.
	Sealed Sealed `json:"sealed,omitzero"`
	// Fresh asks for a sandbox that was started for this run alone.
	Fresh bool `json:"fresh,omitempty"`
}

// TaskID says whose effect an activity is.
type TaskID struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Version   string `json:"version"`
	Digest    string `json:"digest"`
	Reference string `json:"reference"`
	// Execution is the workflow id that a grant was given to: the outermost execution's.
	Execution string `json:"execution,omitempty"`
	// Labels are what the definition says of itself: its tags, and texts of its metadata.
	Labels map[string]string `json:"labels,omitempty"`
	// Signature is over Digest, by somebody whom the policy may know; empty: unsigned.
	Signature string `json:"signature,omitempty"`
}

// ProcessResult is what a program did. Only the streams that Return names are filled.
type ProcessResult struct {
	Code       int      `json:"code"`
	Stdout     string   `json:"stdout,omitempty"`
	Stderr     string   `json:"stderr,omitempty"`
	Level      string   `json:"level"`
	Policy     string   `json:"policy,omitempty"` // digest of the policy that decided
	Violations int      `json:"violations,omitempty"`
	Degraded   []string `json:"degraded,omitempty"`
	WallMillis int64    `json:"wallMs"`
	CPUMillis  int64    `json:"cpuMs"`
	MaxRSS     int64    `json:"maxRssBytes"`
	// Order is what the ledger says after violations of this program.
	Order *Order `json:"order,omitempty"`
}
