//go:build nodevserver

package devserver

import "context"

// Server is a running Temporal. This build has none.
type Server struct{}

// Version is the version of the embedded Temporal server; this build has none.
const Version = ""

// Available tells whether this build has a server in it.
const Available = false

// Start always fails with [NotBuilt].
func Start(context.Context, Options) (*Server, error) {
	return nil, &StartError{
		Code:   NotBuilt,
		Reason: "this binary was built without the embedded Temporal",
		Hint:   "set TEMPORAL_ADDRESS to the Temporal you run, or use the full binary",
	}
}

// Address returns "".
func (*Server) Address() string { return "" }

// UIAddress returns "".
func (*Server) UIAddress() string { return "" }

// LoginURL returns "".
func (*Server) LoginURL() string { return "" }

// Done returns a channel that is never closed.
func (*Server) Done() <-chan struct{} { return nil }

// Err returns nil.
func (*Server) Err() error { return nil }

// Stop does nothing.
func (*Server) Stop() error { return nil }

// ForGood does nothing.
func (*Server) ForGood() {}
