package sandbox

import (
	"context"
	"errors"
	"strings"
	"time"

	"lazaret.dev/lazaret/sandbox/machine"
	"lazaret.dev/lazaret/sandbox/seccomp"
)

// trialSteps says which feature a sandbox would have to be without, for the step
// at which the kernel refuses it. At any other step there is no sandbox at all.
var trialSteps = []struct {
	step string
	Feature
}{
	{"clone", UserNamespaces},
	{"write uid_map", UserNamespaces},
	{"write gid_map", UserNamespaces},
	{"deny setgroups", UserNamespaces},
	{"create a Landlock", Landlock},
	{"restrict by Landlock", Landlock},
	{`mount "/proc"`, FreshProc},
	{stepLandlock, Landlock},
}

// try builds whole sandboxes, and notes what has to be left out, until one stands.
// What it finds counts for the runner's life: a step that is refused later is a
// failed run, never a weaker one.
func (r *Runner) try(ctx context.Context, m machine.Machine) error {
	for {
		err := r.tryOnce(ctx)
		if err == nil {
			return nil
		}
		explain(err, m)
		lack, ok := lackOf(err)
		if !ok || r.features.lacksFeature(lack.Feature) || !r.leaveOut(lack.Feature, m) {
			return err
		}
		r.features.lacks = append(r.features.lacks, lack)
	}
}

func (r *Runner) tryOnce(ctx context.Context) error {
	spec := trialSpec(r.features.arch)
	spec.Proc = !r.features.lacksFeature(FreshProc)
	result, err := r.trial(ctx, &spec)
	if err == nil && result.Outcome != Completed {
		err = unavailable("try a sandbox", errors.New(string(result.Outcome)))
	}
	return err
}

// trial builds one sandbox, for a Spec as trialSpec makes it.
func (r *Runner) trial(ctx context.Context, spec *Spec) (Result, error) {
	filter, err := r.filters.get(spec.Syscalls)
	if err != nil {
		return Result{}, err
	}
	s, err := r.newSlot()
	if err != nil {
		return Result{}, err
	}
	x := &run{runner: r, spec: spec, slot: s, filter: filter, root: noRoot}
	result, err := x.do(ctx, (*run).permit)
	return result, errors.Join(err, x.cleanUp())
}

// trialSpec has no program: its process ends where it would become one.
func trialSpec(arch seccomp.Arch) Spec {
	return Spec{
		Scratch: 1 << 20, Proc: true,
		Limits: Limits{
			Wall: setupTimeout, Memory: 64 << 20, Processes: 1, Stdout: 1 << 10, Stderr: 1 << 10,
			OpenFiles: 64, FileSize: 1 << 20, CPUTime: time.Minute,
		},
		Syscalls: seccomp.AllExcept(arch, "execve"),
	}
}

// explain adds to the step that failed why it may have.
func explain(err error, m machine.Machine) {
	if step, ok := errors.AsType[*StepError](err); ok && step.Cause == "" {
		reason := m.Explain(step.Step, step.Err)
		step.Cause, step.Remedy = reason.Cause, reason.Remedy
	}
}

func lackOf(err error) (Lack, bool) {
	step, ok := errors.AsType[*StepError](err)
	if !ok {
		return Lack{}, false
	}
	for _, t := range trialSteps {
		if strings.HasPrefix(step.Step, t.step) {
			return Lack{t.Feature, step}, true
		}
	}
	return Lack{}, false
}

func newLack(f Feature, step string, err error, m machine.Machine) Lack {
	e := &StepError{Step: step, Err: err}
	explain(e, m)
	return Lack{f, e}
}

// leaveOut changes how sandboxes are built from now on; false where the kernel
// leaves no way without the feature.
func (r *Runner) leaveOut(f Feature, m machine.Machine) bool {
	switch f {
	case UserNamespaces:
		r.features.identity = bareIdentity
		return bareCapable(m)
	case Landlock:
		r.features.landlock = 0
	case FreshProc, MemoryGroup, PidsGroup, CPUGroup: // looked up where they matter
	}
	return true
}

// controllers are the features that cgroup controllers give.
var controllers = map[string]Feature{"memory": MemoryGroup, "pids": PidsGroup, "cpu": CPUGroup}

// lackedGroups are the controllers that this process cannot use.
func lackedGroups(missing map[string]error, m machine.Machine) []Lack {
	var lacks []Lack
	for _, f := range Features() {
		for controller, err := range missing {
			if controllers[controller] == f {
				lacks = append(lacks, newLack(f, "use the "+controller+" controller", err, m))
			}
		}
	}
	return lacks
}
