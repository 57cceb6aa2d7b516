// Package channel answers the requests that a script makes of the worker, over a
// connection whose other end is inside the script's sandbox.
//
// Both ways it carries frames: four bytes of length, big endian, and that many
// bytes of JSON. A request is {"id", "operation", "uri", "with"}, its answer
// {"id", "result"} or {"id", "error"}. Frames are bounded in size and depth,
// requests in number at a time and in a second: whoever asks for more waits, for
// the connection is read no faster. What is no request ends the connection.
package channel
