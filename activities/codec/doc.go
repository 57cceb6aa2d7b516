// Package codec encrypts what Temporal stores: inputs, outputs, failures,
// heartbeats, memos, signals, updates, query results and summaries.
//
// Each payload is sealed by an AEAD (ChaCha20-Poly1305 or AES-256-GCM) under a key
// of a [Ring], with a nonce of its own. What the payload is for ([Binding]) stands
// beside it in the clear and is authenticated with it, so that a payload which
// was put where another belongs is refused. Whoever holds the ring can read all
// and write all: the seal tells insiders from outsiders, not insiders apart.
//
// In the clear stay, because Temporal needs them: ids and types of workflows and
// activities, names of signals, queries and updates, task queues, search
// attributes, schedules' times, and how long each payload is.
package codec
