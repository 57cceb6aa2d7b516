package policies

import (
	"fmt"
	"slices"
	"strings"

	"lazaret.dev/lazaret/sandbox"
)

// Degradations are features of the sandbox whose absence an operator permits. It
// is what a policy document lists under allowDegraded, and what --allow-degraded
// takes. Nothing else permits one, and no permission goes beyond MayLack.
type Degradations []sandbox.Feature

// mayLack is what each level may ever run without. Maximum needs all that it uses,
// and so does what a weaker level is weaker without: its namespaces, its filter.
var mayLack = map[Level][]sandbox.Feature{
	Maximum:  {},
	Strict:   {sandbox.Landlock, sandbox.PidsGroup, sandbox.CPUGroup, sandbox.FreshProc},
	Standard: {sandbox.Landlock, sandbox.MemoryGroup, sandbox.PidsGroup, sandbox.CPUGroup, sandbox.FreshProc},
	Minimal:  sandbox.Features(),
}

// MayLack says whether a level may run without a feature, if the operator permits.
func MayLack(l Level, f sandbox.Feature) bool { return slices.Contains(mayLack[l], f) }

// DegradationError is a name that is no feature's.
type DegradationError struct{ Name string }

func (e *DegradationError) Error() string {
	return fmt.Sprintf("degradation %.40q: want %s", e.Name, strings.Join(Names(sandbox.Features()), ", "))
}

// ParseDegradations reads names as users write them, each exactly, in lower case.
// Its error is a *DegradationError.
func ParseDegradations(names []string) (Degradations, error) {
	var d Degradations
	for _, name := range names {
		f := sandbox.Feature(strings.TrimSpace(name))
		if !slices.Contains(sandbox.Features(), f) {
			return nil, &DegradationError{name}
		}
		if !slices.Contains(d, f) {
			d = append(d, f)
		}
	}
	return d, nil
}

// At are those of the permitted degradations that the level may ever run with: a
// Spec's MayLack.
func (d Degradations) At(l Level) []sandbox.Feature {
	var at []sandbox.Feature
	for _, f := range d {
		if MayLack(l, f) {
			at = append(at, f)
		}
	}
	return at
}

// AtOwn are the same for programs of lazaret's own, such as the one that reads
// scripts before they run: they are as trusted as the worker, and are to run
// wherever any level does.
func (d Degradations) AtOwn() []sandbox.Feature { return d.At(Minimal) }

// Advice says what an operator can do about a feature that a level lacks, besides
// giving it to the machine.
func Advice(l Level, f sandbox.Feature) string {
	if MayLack(l, f) {
		return fmt.Sprintf("level %s runs without it where the operator permits that: --allow-degraded %s", l, f)
	}
	return fmt.Sprintf("level %s never runs without it", l)
}

// Uses says whether a level needs a feature at all, with the limits that it has
// by itself.
func Uses(l Level, f sandbox.Feature) bool {
	p := presets[l]
	switch f {
	case sandbox.CPUGroup:
		return p.limits.CPU > 0
	case sandbox.FreshProc:
		return p.proc
	case sandbox.UserNamespaces, sandbox.Landlock, sandbox.MemoryGroup, sandbox.PidsGroup:
	}
	return true
}

// Names are features as they are written, never nil.
func Names(features []sandbox.Feature) []string {
	names := make([]string, len(features))
	for i, f := range features {
		names[i] = string(f)
	}
	return names
}

// Verdict is what a machine that lacks features makes of a level.
type Verdict struct {
	Level    Level
	Degraded []sandbox.Feature // permitted and missing
	Refused  []sandbox.Feature // missing, and not permitted or never to be
}

// Judge says for a level what the lack of features means, with the permitted
// degradations. The level is enforced when nothing is refused.
func (d Degradations) Judge(l Level, lacks []sandbox.Feature) Verdict {
	v := Verdict{Level: l}
	for _, f := range lacks {
		switch {
		case !Uses(l, f):
		case slices.Contains(d.At(l), f):
			v.Degraded = append(v.Degraded, f)
		default:
			v.Refused = append(v.Refused, f)
		}
	}
	return v
}
