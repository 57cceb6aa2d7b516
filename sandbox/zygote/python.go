package zygote

import _ "embed"

// Python is a script that makes the interpreter which executes it a zygote. It
// defines serve, see there.
//
//go:embed zygote.py
var Python []byte
