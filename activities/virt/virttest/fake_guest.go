package virttest

import (
	"slices"
	"strings"

	"lazaret.dev/lazaret/activities/virt"
)

type fakeGuest struct {
	virt.Domain
	arguments virt.Arguments
	saved     bool
	done      map[string]bool // keys of what the state does not show
	snapshots []virt.Snapshot
}

func (g *fakeGuest) active() bool { return g.State != "shutoff" }

func (g *fakeGuest) where() virt.DomainState {
	return virt.DomainState{Name: g.Name, UUID: g.UUID, State: g.State}
}

func (g *fakeGuest) stats() virt.DomainStats {
	return virt.DomainStats{
		Name: g.Name, UUID: g.UUID, State: g.State, CPUTime: g.CPUTime,
		Memory: map[string]int64{"actual": int64(g.Memory) << 10}, //nolint:gosec // within a parameter's range
		Disks:  []virt.DiskStats{}, Networks: []virt.NetStats{},
	}
}

func (g *fakeGuest) xml() string {
	if g.arguments.Has("xml") {
		return g.arguments.Text("xml")
	}
	return virt.DomainXML(g.arguments, g.UUID)
}

func (g *fakeGuest) changed(changed bool) virt.DomainChange {
	return virt.DomainChange{Name: g.Name, UUID: g.UUID, State: g.State, Changed: changed}
}

// find is the guest that the call means.
func (c fakeCall) find() (*fakeGuest, error) {
	id, name := c.Arguments.Text("uuid"), c.Arguments.Text("name")
	if c.Resolved != "" {
		id, name = c.Resolved, ""
	}
	for _, g := range c.guests {
		if id != "" && g.UUID != id || id == "" && g.Name != name {
			continue
		}
		if id != "" && name != "" && g.Name != name {
			return nil, virt.Errorf(virt.NotFound, "the guest with the UUID %s is called %q, not %q", id, g.Name, name)
		}
		if c.Resolved == "" {
			c.progress(virt.Progress{Resolved: g.UUID, Text: g.Name})
		}
		return g, nil
	}
	if id != "" {
		return nil, virt.Errorf(virt.NotFound, "there is no guest with the UUID %s", id)
	}
	return nil, virt.Errorf(virt.NotFound, "there is no guest %q", name)
}

func fakeRead(read func(*fakeGuest) any) func(fakeCall) (any, error) {
	return func(c fakeCall) (any, error) {
		g, err := c.find()
		if err != nil {
			return nil, err
		}
		return read(g), nil
	}
}

func fakeChange(change func(fakeCall, *fakeGuest) (bool, error)) func(fakeCall) (any, error) {
	return func(c fakeCall) (any, error) {
		g, err := c.find()
		if err != nil {
			return nil, err
		}
		changed, err := change(c, g)
		if err != nil {
			return nil, err
		}
		return g.changed(changed), nil
	}
}

func (c fakeCall) listGuests() (any, error) {
	list := virt.DomainList{Domains: []virt.Domain{}}
	for _, g := range c.guests {
		switch state := c.Arguments.Text("state"); {
		case state == "all", state == g.State, state == "active" && g.active(), state == "inactive" && !g.active():
			list.Domains = append(list.Domains, g.Domain)
		}
	}
	slices.SortFunc(list.Domains, func(a, b virt.Domain) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

func (c fakeCall) wait() (any, error) {
	g, err := c.find()
	if err != nil {
		return nil, err
	}
	if g.State != c.Arguments.Text("state") {
		return nil, errNotYet
	}
	return g.where(), nil
}

func (c fakeCall) define() (any, error) {
	g, made, err := c.machine()
	if err != nil {
		return nil, err
	}
	return g.changed(made), nil
}

func (c fakeCall) create() (any, error) {
	g, made, err := c.machine()
	if err != nil {
		return nil, err
	}
	started, err := c.start(g)
	return g.changed(made || started), err
}

// machine is the guest that the arguments describe, and whether it was made.
func (c fakeCall) machine() (*fakeGuest, bool, error) {
	if c.Arguments.Has("xml") {
		return nil, false, virt.Errorf(virt.Unsupported, "the fake takes no raw XML")
	}
	name, id := c.Arguments.Text("name"), c.id()
	for _, g := range c.guests {
		if g.Name != name && g.UUID != id {
			continue
		}
		if c.Retry && g.Name == name && g.UUID == id {
			return g, false, nil
		}
		return nil, false, virt.Errorf(virt.Busy, "there is already a guest %q with the UUID %s", g.Name, g.UUID)
	}
	mib := uint64(c.Arguments.Int("memory")) //nolint:gosec // positive, by its range
	g := &fakeGuest{
		Domain: virt.Domain{
			Name: name, UUID: id, State: "shutoff", Memory: mib, MaxMemory: mib, VCPUs: uint(c.Arguments.Int("vcpus")), //nolint:gosec // positive, by its range
			Persistent: !c.Arguments.Bool("ephemeral"),
		},
		arguments: c.Arguments, done: map[string]bool{},
	}
	c.guests[id] = g
	return g, true, nil
}

func (c fakeCall) remove() (any, error) {
	result := virt.DomainDeletion{Name: c.Arguments.Text("name"), UUID: c.Resolved, Volumes: []string{}, Kept: []string{}}
	g, err := c.find()
	if err != nil {
		if c.Retry && c.Resolved != "" {
			return result, nil
		}
		return nil, err
	}
	if g.active() && !c.Arguments.Bool("force") {
		return nil, virt.Errorf(virt.Busy, "%s runs; stop it first, or give force", g.Name)
	}
	result.Name, result.UUID, result.Changed = g.Name, g.UUID, true
	if c.Arguments.Bool("storage") {
		for _, disk := range g.arguments.Objects("disks") {
			if name := disk.Text("volume"); c.volumes[name] != nil {
				delete(c.volumes, name)
				result.Volumes = append(result.Volumes, FakePool+"/"+name)
			}
		}
	}
	delete(c.guests, g.UUID)
	return result, nil
}

func (c fakeCall) rename(g *fakeGuest) (bool, error) {
	to := c.Arguments.Text("to")
	switch {
	case g.Name == to:
		return false, nil
	case g.active():
		return false, virt.Errorf(virt.Busy, "%s runs; only a guest that is off can be renamed", g.Name)
	}
	for _, other := range c.guests {
		if other.Name == to {
			return false, virt.Errorf(virt.Busy, "there is already a guest %q", to)
		}
	}
	g.Name = to
	return true, nil
}

func (c fakeCall) autostart(g *fakeGuest) (bool, error) {
	want := c.Arguments.Bool("enabled")
	changed := g.Autostart != want
	g.Autostart = want
	return changed, nil
}

func (c fakeCall) setMemory(g *fakeGuest) (bool, error) {
	mib := uint64(c.Arguments.Int("memory")) //nolint:gosec // positive, by its range
	switch {
	case c.Arguments.Bool("maximum"):
		g.MaxMemory = mib
		return true, nil
	case mib > g.MaxMemory:
		return false, virt.Errorf(virt.Busy, "%s can have %d MiB at most; raise its maximum first", g.Name, g.MaxMemory)
	}
	g.Memory = mib
	return true, nil
}

func (c fakeCall) setVCPUs(g *fakeGuest) (bool, error) {
	if !c.Arguments.Bool("maximum") {
		g.VCPUs = uint(c.Arguments.Int("vcpus")) //nolint:gosec // positive, by its range
	}
	return true, nil
}
