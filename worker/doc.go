// Package worker is the process: the commands (one a file), configuration, the
// composition of everything else, and shutdown.
//
// The command line is a contract that scripts depend on: stdout carries a
// command's result alone, everything for people goes to stderr, and the exit
// code says how it ended (exit.go).
package worker
