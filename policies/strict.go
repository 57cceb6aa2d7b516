package policies

import (
	"slices"

	"lazaret.dev/lazaret/sandbox/seccomp"
)

// strict is maximum with threads and code that is made at run time, which
// numeric libraries, foreign-function interfaces and compilers of a running
// program need. There is one process and nowhere to write.
var strict = seccomp.Policy{
	Name:  "strict",
	Rules: slices.Concat(base, opening, ioctls, prctls, fcntls, archPrctl, threads, generatedCode, signalSelf),
}
