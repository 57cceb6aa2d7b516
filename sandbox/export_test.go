package sandbox

import "errors"

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
