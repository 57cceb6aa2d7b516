// Package devserver runs Temporal and its Web UI inside this process: one
// machine, one user, one SQLite file, no other daemon.
//
// It differs from the stock development server where that one is open, slow or
// forgetful:
//
//   - every caller needs a token of the installation (package install), and the
//     principal behind it is stamped on the history events it causes;
//   - the Web UI needs a session, opened by a link that works once;
//   - the services speak to each other over mutual TLS with a key that lives in
//     memory only, so that their ports are no way around the tokens;
//   - it listens on loopback addresses and nowhere else;
//   - history is polled as fast as it fills (see tuning.go);
//   - the database is locked, stamped with the server's version, and survives
//     SIGKILL.
//
// The build tag nodevserver leaves all of it out: the same API is there, and
// [Start] fails with [NotBuilt].
package devserver
