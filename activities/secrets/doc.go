// Package secrets finds the values of the secrets that definitions name, where
// the operator says they are, and keeps them out of what leaves an activity.
//
// # Model
//
// A [Store] maps names to sources: a variable of the environment, a file, a
// systemd credential, a field in Vault. A source is read each time that a value
// is needed, so that a secret that is rotated is a new one with the next task.
// A text that is a JSON object is that object; any other is a text.
//
// A [Redactor] replaces values wherever they stand in a result or an error, also
// in base64 and percent-encoded.
//
// # Limits
//
// Who may read a file or this process's environment may read the secret. A value
// of fewer than [MinRedacted] bytes is not looked for, and none is found in a
// form that was not thought of: reversed, hashed, in pieces.
package secrets
