// Package evidence writes and verifies bundles of what is known of a definition:
// one tar.zst file that can be handed on and shown later to be unchanged.
//
// The archive's first entry is manifest.json, with the SHA-256 and the length of
// every other entry in their order; the second is manifest.sig, an Ed25519
// signature of the manifest by the audit log's key. The key stands in the archive
// for convenience: a verifier that trusts nobody takes it from elsewhere.
package evidence
