package install

import "context"

// Principal names who speaks to Temporal. Each has a token of its own, so that
// history shows which of them caused an event.
type Principal string

// The principals of an installation.
const (
	// Worker executes workflows and activities.
	Worker Principal = "worker"
	// CLI is the user at a command line: lazaret's own commands, the temporal
	// CLI and any SDK client that reads temporal.toml.
	CLI Principal = "cli"
	// UI is a browser with a session in the Web UI.
	UI Principal = "ui"
)

var principals = []Principal{Worker, CLI, UI}

// Token returns the bearer token of p, or "" for an unknown principal.
func (i *Install) Token(p Principal) string { return i.tokens[p] }

// Credentials returns headers that identify p; use it as the HeadersProvider of
// a Temporal client's options.
func (i *Install) Credentials(p Principal) Credentials {
	return Credentials{authorization: "Bearer " + i.tokens[p]}
}

// Credentials is the authorization of one principal. It implements the SDK's
// HeadersProvider.
type Credentials struct{ authorization string }

// GetHeaders returns the authorization header. It never fails.
func (c Credentials) GetHeaders(context.Context) (map[string]string, error) {
	return map[string]string{"authorization": c.authorization}, nil
}

// String hides the token from logs.
func (c Credentials) String() string { return "credentials (hidden)" }
