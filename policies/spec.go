package policies

import (
	"lazaret.dev/lazaret/sandbox"
)

// SpecFor returns what a level decides of a Spec. The caller adds the program:
// arguments, environment, files, binds. Its error is a *LevelError.
func SpecFor(l Level) (sandbox.Spec, error) {
	p, ok := presets[l]
	if !ok {
		return sandbox.Spec{}, &LevelError{l.String()}
	}
	return sandbox.Spec{
		Scratch:       p.scratch,
		Proc:          p.proc,
		Limits:        p.limits,
		Syscalls:      p.syscalls,
		KillAt:        p.killAt,
		MaxViolations: p.violations,
	}, nil
}
