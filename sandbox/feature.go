package sandbox

import (
	"fmt"
	"slices"
)

// Feature is a part of the isolation that a machine may be unable to give. The
// list is closed: what is not on it no program ever runs without.
type Feature string

// The features.
const (
	// UserNamespaces give a program an id that means nothing outside, and make
	// whatever it might gain worth nothing there.
	UserNamespaces Feature = "user-namespaces"
	// Landlock restricts files, ports and signals a second time.
	Landlock Feature = "landlock"
	// MemoryGroup, PidsGroup and CPUGroup are the controllers of a program's cgroup.
	MemoryGroup Feature = "cgroup-memory"
	PidsGroup   Feature = "cgroup-pids"
	CPUGroup    Feature = "cgroup-cpu"
	// FreshProc is a /proc with the program's own processes alone.
	FreshProc Feature = "fresh-proc"
)

// allFeatures tells of each feature, in the order in which they are listed.
var allFeatures = []struct {
	Feature
	lost, instead string
}{
	{UserNamespaces, "an id and capabilities that are worth nothing outside", "a host user id of the run's own, without any capability"},
	{Landlock, "the second guard of files, ports and signals", "mounts, namespaces and the system-call filter alone"},
	{MemoryGroup, "one bound on the memory of all processes, and the count of it", "a bound on the private memory of each process; no anonymous shared memory; the machine's OOM killer takes the program first"},
	{PidsGroup, "refused processes are not counted or reported", "RLIMIT_NPROC"},
	{CPUGroup, "a share of the processors", "none: a program takes what is free"},
	{FreshProc, "/proc with the program's own processes", "no /proc"},
}

// Features lists all features.
func Features() []Feature {
	list := make([]Feature, len(allFeatures))
	for i, f := range allFeatures {
		list[i] = f.Feature
	}
	return list
}

// Lost says what a program without the feature lacks.
func (f Feature) Lost() string {
	for _, a := range allFeatures {
		if a.Feature == f {
			return a.lost
		}
	}
	return ""
}

// Instead says what stands in for the feature.
func (f Feature) Instead() string {
	for _, a := range allFeatures {
		if a.Feature == f {
			return a.instead
		}
	}
	return ""
}

// Lack is a feature that this machine does not give this process, and the step
// at which that showed.
type Lack struct {
	Feature Feature
	*StepError
}

// LackError is a run that needs a feature which its Spec does not let be missing.
// It wraps ErrUnavailable.
type LackError struct{ Lack }

func (e *LackError) Error() string {
	return fmt.Sprintf("%s: this machine lacks %s: %s", ErrUnavailable, e.Feature, e.StepError)
}

// Unwrap returns ErrUnavailable and what the kernel said.
func (e *LackError) Unwrap() []error { return []error{ErrUnavailable, e.StepError} }

// needs are the features that a Spec makes use of.
func (s *Spec) needs() []Feature {
	all := []Feature{UserNamespaces, Landlock, MemoryGroup, PidsGroup}
	if s.Limits.CPU > 0 {
		all = append(all, CPUGroup)
	}
	if s.Proc {
		all = append(all, FreshProc)
	}
	return all
}

// admit says which of the features that a Spec needs its run will be without.
// The error is a *LackError for one that it may not be without.
func (r *Runner) admit(s *Spec) ([]Feature, error) {
	var degraded []Feature
	needs := s.needs()
	for _, l := range r.features.lacks {
		switch {
		case !slices.Contains(needs, l.Feature):
		case !slices.Contains(s.MayLack, l.Feature):
			return nil, &LackError{l}
		default:
			degraded = append(degraded, l.Feature)
		}
	}
	return degraded, nil
}

// Lacks lists the features that this machine does not give, as New found them.
func (r *Runner) Lacks() []Lack { return slices.Clone(r.features.lacks) }

// lacksFeature says whether a feature is missing.
func (f *features) lacksFeature(name Feature) bool {
	return slices.ContainsFunc(f.lacks, func(l Lack) bool { return l.Feature == name })
}
