package policies

import (
	"fmt"
	"time"

	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/sandbox/seccomp"
)

// NotBuiltError is a level that exists and that this build cannot enforce yet.
type NotBuiltError struct{ Level Level }

func (e *NotBuiltError) Error() string { return fmt.Sprintf("level %s is not built yet", e.Level) }

// preset is a level's row: what its sandboxes get.
type preset struct {
	processes int64 // processes and threads
	scratch   int64 // bytes
	proc      bool
	kill      bool // end the run at the first violation that counts
	syscalls  seccomp.Policy
}

const (
	mebibyte = 1 << 20
	gibibyte = 1 << 30
)

var presets = map[Level]preset{
	Maximum:  {processes: 1, kill: true, syscalls: maximum},
	Standard: {processes: 64, scratch: 64 * mebibyte, proc: true, syscalls: standard},
}

// defaults are the limits that do not depend on the level. An operator's policy
// may override them.
var defaults = sandbox.Limits{
	Wall:      time.Hour,
	Memory:    512 * mebibyte,
	Stdout:    mebibyte,
	Stderr:    mebibyte,
	OpenFiles: 256,
	FileSize:  gibibyte, // the scratch is smaller; this bounds sparse files
}

// SpecFor returns what a level decides of a Spec. The caller adds the program:
// arguments, environment, files, binds. Its error is a *NotBuiltError, or a
// *LevelError for a Level that is none.
func SpecFor(l Level) (sandbox.Spec, error) {
	if _, ok := levelNames[l]; !ok {
		return sandbox.Spec{}, &LevelError{l.String()}
	}
	p, ok := presets[l]
	if !ok {
		return sandbox.Spec{}, &NotBuiltError{l}
	}
	limits := defaults
	limits.Processes = p.processes
	return sandbox.Spec{
		Scratch:         p.scratch,
		Proc:            p.proc,
		Limits:          limits,
		Syscalls:        p.syscalls,
		KillOnViolation: p.kill,
	}, nil
}
