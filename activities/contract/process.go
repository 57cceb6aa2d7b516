package contract

import "encoding/json"

// Process asks for one program to be run in a sandbox: a script or a shell command.
type Process struct {
	Task        TaskID            `json:"task"`
	Language    string            `json:"language,omitempty"` // run.script: python, js
	Code        string            `json:"code"`               // the script, or the shell command
	Stdin       string            `json:"stdin,omitempty"`
	Arguments   json.RawMessage   `json:"arguments,omitempty"` // an object or an array
	Environment map[string]string `json:"environment,omitempty"`
	Return      string            `json:"return"` // stdout, stderr, code, all, none
	Sandbox     Sandbox           `json:"sandbox,omitzero"`
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
}

// ProcessResult is what a program did. Only the streams that Return names are filled.
type ProcessResult struct {
	Code       int      `json:"code"`
	Stdout     string   `json:"stdout,omitempty"`
	Stderr     string   `json:"stderr,omitempty"`
	Level      string   `json:"level"`
	Violations int      `json:"violations,omitempty"`
	Degraded   []string `json:"degraded,omitempty"`
	WallMillis int64    `json:"wallMs"`
	CPUMillis  int64    `json:"cpuMs"`
	MaxRSS     int64    `json:"maxRssBytes"`
}
