package sandbox

// Layers that Without can leave out.
var Layers = []string{
	string(filterLayer), string(landlockLayer), string(capabilitiesLayer), string(limitsLayer), string(rootLayer),
}

// Without makes a runner leave one layer out of all its sandboxes, to show what
// the others hold back by themselves.
func (r *Runner) Without(name string) { r.features.off = layer(name) }
