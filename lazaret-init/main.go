// Command lazaret-init is the helper that builds one sandbox from the inside.
// It is embedded in the worker and started by it; it has no use of its own.
package main

import "lazaret.dev/lazaret/sandbox/initproc"

func main() { initproc.Main() }
