package devserver

import (
	"net/http"
	"time"

	"github.com/rs/zerolog"
	enumspb "go.temporal.io/api/enums/v1"

	"lazaret.dev/lazaret/worker/install"
)

// Defaults of [Options].
const (
	DefaultAddress   = "127.0.0.1:7233"
	DefaultUIAddress = "127.0.0.1:8233"
	DefaultRetention = 30 * 24 * time.Hour
)

// LoginLinkTTL is how long a login link can be used.
const LoginLinkTTL = 10 * time.Minute

// minRetention is Temporal's own least retention.
const minRetention = 24 * time.Hour

// Options of the embedded server. Only Install is required.
type Options struct {
	// Install holds the state folder, the tokens and the lock.
	Install *install.Install

	// Address is where Temporal listens, UIAddress where the Web UI does: a
	// loopback IP (or localhost) and a port; port 0 picks a free one.
	Address, UIAddress string
	// NoUI leaves the Web UI out.
	NoUI bool

	// Codec, if there is one, opens and seals payloads for the Web UI, and for
	// bearers of the CLI token; PayloadKeys names the file of its keys to others.
	Codec       http.Handler
	PayloadKeys string

	// InMemory keeps the database in memory: for tests. The state folder still
	// provides tokens, lock and discovery file.
	InMemory bool

	// Retention is how long closed executions are kept, at least one day. It
	// applies to an existing database too.
	Retention time.Duration
	// SearchAttributes are the custom attributes of the namespace. Those that an
	// existing database lacks are added; none is ever removed.
	SearchAttributes map[string]enumspb.IndexedValueType

	// Kind and ProductVersion go into the discovery file. Kind defaults to up.
	Kind           install.Kind
	ProductVersion string

	// Logger takes the server's log. Without VerboseLog, what the server says
	// below warning is dropped, and so are warnings that mean nothing here.
	Logger     zerolog.Logger
	VerboseLog bool

	// LoginHelp is a sentence on the page that a browser without a session gets:
	// how to obtain a login link.
	LoginHelp string
}

const defaultLoginHelp = "The terminal that runs lazaret shows a login link."

// withDefaults returns a copy of o with the zero fields filled in.
func (o Options) withDefaults() Options {
	fill(&o.Address, DefaultAddress)
	fill(&o.UIAddress, DefaultUIAddress)
	fill(&o.Retention, DefaultRetention)
	fill(&o.Kind, install.Up)
	fill(&o.LoginHelp, defaultLoginHelp)
	return o
}

func fill[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
