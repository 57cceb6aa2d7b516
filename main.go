// Command lazaret runs CNCF Serverless Workflow definitions durably on
// Temporal, their scripts in one-shot kernel sandboxes.
package main

import (
	"os"

	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/worker"
)

// Set by scripts/build.
var (
	version = "v0.0.0-dev"
	commit  = "unknown"
)

func main() {
	sandbox.MaybeInit()
	worker.MaybeLibvirt()
	os.Exit(worker.Main(os.Args[1:], worker.Build{Version: version, Commit: commit}))
}
