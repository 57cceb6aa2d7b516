package sandbox

import (
	"errors"
	"time"

	"lazaret.dev/lazaret/sandbox/zygote"
)

// Layers that Without can leave out.
var Layers = []string{
	string(filterLayer), string(landlockLayer), string(capabilitiesLayer), string(limitsLayer), string(rootLayer),
	string(bindsLayer), string(groupLayer),
	string(userLayer), string(netLayer), string(ipcLayer), string(utsLayer), string(groupNamesLayer),
}

// Without makes a runner leave one layer out of all its sandboxes, to show what
// the others hold back by themselves. Specs must bear to lack Features.
func (r *Runner) Without(name string) {
	r.features.off = layer(name)
	switch r.features.off { //nolint:exhaustive // the others need nothing further
	case userLayer:
		r.features.identity = bareIdentity
	case groupLayer: // what stands in for it where there is none stands in here
		for _, f := range []Feature{MemoryGroup, PidsGroup, CPUGroup} {
			r.features.lacks = append(r.features.lacks, Lack{f, &StepError{Step: "test", Err: errors.New("left out")}})
		}
		r.filters.before = r.features.substitutes()
	}
}

// Setup changes how long a sandbox may take to be built, and a zygote to answer.
func (r *Runner) Setup(within time.Duration) { r.setup = within }

// WhyNoZygote is what keeps zygotes from serving a machine, empty if nothing does: one of
// an architecture for which there is machine code or not, whose programs get ids of
// their own or the worker's, with what it lacks.
func WhyNoZygote(code, ids bool, lacks ...Feature) string {
	var machine []byte
	if code {
		machine = append(zygote.Code(), 0)
	}
	who := ownIdentity
	if ids {
		who = slotIdentity
	}
	var all []Lack
	for _, f := range lacks {
		all = append(all, Lack{Feature: f})
	}
	if err := canFork(machine, who, all); err != nil {
		return err.Error()
	}
	return ""
}
