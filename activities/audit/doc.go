// Package audit is the record of what was done and refused, for people who were
// not there: one JSON object a line, fields in a fixed order, every line bound to
// the one before it by SHA-256, the newest line bound by a signature.
//
//	audit.log                 the lines that are written now
//	audit-000000000001.log.zst  earlier lines, named by their first number
//	audit.head                the number and hash of the newest line, signed
//	audit.key, audit.pub      the Ed25519 pair that signs heads (0600, 0640)
//	audit.lock                held while a line is written; many processes may share a folder
//
// What the chain proves: no line before a signed head was changed, dropped,
// inserted or moved. What it cannot prove by itself: that the folder and its key
// were not replaced as a whole by whoever owns both. Heads that were anchored
// elsewhere ([Head]) prove that too.
//
// A line is written before its event is acted upon or answered. When it cannot be
// written (a full disk, a changed owner), [Log.Append] fails and its caller
// refuses: nothing goes unaudited in silence.
package audit
