// Package egress lets a sandbox reach the hosts that its rules name, and nothing else.
//
// # Model
//
// A sandbox has a network namespace with a loopback interface alone. Sockets that
// listen in it are handed to the worker, and [Serve] answers on them:
//
//   - an HTTP proxy, for CONNECT and for requests with an absolute URL;
//   - a DNS stub that answers each permitted name with an address of 198.18.0.0/15
//     that stands for it, and every other name with NXDOMAIN;
//   - the listed ports of all those addresses, so that programs that know no proxy
//     reach a permitted name by connecting to what the stub said.
//
// Whichever way a connection comes, its name is known. The worker alone resolves
// it, checks every answer (see [Forbidden]), and connects to the address that it
// checked, so that a second answer changes nothing. What the connection then
// carries must be for the same name: TLS must say it (SNI), and plain HTTP is
// taken apart, given that name as its Host, and written anew, one request a
// connection. TLS is never opened.
//
// Whatever is not permitted is a [Denial]. Whatever is permitted is a [Connection].
//
// # Limits
//
// A permitted host can be told anything, and so can whoever answers for names
// below a wildcard: each label looked up on connecting is a message. Inside TLS
// the Host is out of sight, and so is a name hidden by Encrypted Client Hello
// behind a permitted one. On other ports than 443 and 80 a protocol that is
// neither TLS nor HTTP passes as it is.
package egress
