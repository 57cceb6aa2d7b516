// Package callstest has services for the tests of calls: real servers on loopback
// of the protocols that definitions speak. Each is started by a test and ends with
// what its Start function returns.
package callstest
