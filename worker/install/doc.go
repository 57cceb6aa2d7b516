// Package install is lazaret's per-user installation on one machine: the state
// folder and the few files in it that processes of one user share.
//
//	temporal.db        the embedded Temporal's database (written by package devserver)
//	token.worker, …    bearer tokens, one per [Principal], 0600
//	grant.key          the key that signs level grants, 0600
//	lock               held by the process that runs the server on this folder
//	up.json            where that process listens ([Discovery])
//	temporal.toml      a client profile for the temporal CLI and every SDK, 0600
//
// The folder is the trust boundary: who can read it can act as any principal,
// who cannot has no token. Hence [Open] refuses a folder or a secret that
// another user could read or could have written.
//
// The package knows no Temporal server; the slim worker imports it too.
package install
