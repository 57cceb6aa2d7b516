// Package runners holds the small programs that stand between an interpreter
// and a user's script inside the sandbox. They hand over the arguments and
// leave the script its own file and line numbers.
package runners

import _ "embed"

// Python is the runner of python scripts; it is the program's main file.
//
//go:embed python.py
var Python []byte

// Module is the module lazaret of python scripts, but for its last lines:
// _OPERATIONS, and _DESCRIPTOR where there is one.
//
//go:embed lazaret.py
var Module []byte

// Node is the runner of js scripts.
//
//go:embed node.mjs
var Node []byte
