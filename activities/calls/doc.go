// Package calls makes the requests of call tasks: over HTTP and HTTPS, to hosts
// that the operator lists, within bounds of size and time.
//
// # Model
//
// A [Client] is one level's: it has the rules that the level opens. Every
// connection it makes (for the call itself, for a token) goes through the same dialer, which checks the name against the rules and the
// address behind it (see package egress). Redirects are never followed: what
// status they have is the definition's affair.
//
// A request is sent once. It is sent again only where it surely was not carried
// out: a connection that could not be made, if the method is idempotent, and a
// 401 for a token that the client had kept or for the challenge of digest
// authentication.
//
// Credentials go over TLS alone, unless the operator lists the host with a port
// of plain HTTP.
//
// # Limits
//
// What a permitted host does with a request, and what it answers, is its own
// affair; an answer is data, bounded and never evaluated. Nothing goes through an
// HTTP proxy of the environment: the address that was checked is the one
// connected to.
package calls
