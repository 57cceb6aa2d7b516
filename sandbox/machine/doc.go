// Package machine explains why a kernel refuses a step of building a sandbox: it
// looks at what on this machine usually does, and says what an operator can do.
//
// It explains and decides nothing. What can be enforced is found out by trying.
package machine
