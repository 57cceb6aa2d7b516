// Package sources fetches scripts that a definition does not hold itself: over
// HTTPS, from hosts that the operator lists, within bounds of size and time.
//
// # Model
//
// A script is fetched once by an execution and named by its SHA-256 from then
// on. A [Store] keeps the bytes by that digest, so that a retry runs what was
// first seen and not what the host says now; a worker that does not have them
// fetches again and takes nothing else.
//
// # Limits
//
// The host learns the URL, with what a definition computed into it. Nothing
// connects through an HTTP proxy of the environment: the address that was
// checked is the one connected to.
package sources
