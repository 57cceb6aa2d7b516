package policies

// Network says which hosts a level lets an operator open to a script. A level
// opens none by itself.
type Network string

// The kinds of network access, the narrowest first.
const (
	NoNetwork   Network = "none"
	ListedHosts Network = "listed hosts"
	HostNames   Network = "listed hosts and wildcards"
	AnyPublic   Network = "any public host, logged"
)
