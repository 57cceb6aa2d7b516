package virttest

import (
	"fmt"

	"lazaret.dev/lazaret/activities/virt"
)

func (c fakeCall) start(g *fakeGuest) (bool, error) {
	if g.active() {
		return false, nil
	}
	c.nextID++
	g.ID, g.State, g.saved = c.nextID, "running", false
	if c.Arguments.Bool("paused") {
		g.State = "paused"
	}
	return true, nil
}

func (g *fakeGuest) off() {
	g.ID, g.State = 0, "shutoff"
}

func (c fakeCall) stop(g *fakeGuest) (bool, error) {
	if !g.active() {
		return false, nil
	}
	if g.State == "paused" && c.Arguments.Text("mode") != "force" {
		return false, virt.Errorf(virt.Busy, "%s is paused and cannot shut down; resume it, or stop it by force", g.Name)
	}
	g.off()
	if !g.Persistent {
		delete(c.guests, g.UUID)
	}
	return true, nil
}

// once is a reboot or a reset: at most one for each key.
func (c fakeCall) once(g *fakeGuest) (bool, error) {
	if !g.active() {
		return false, virt.Errorf(virt.Busy, "%s is off", g.Name)
	}
	if c.Retry && g.done[c.Key] {
		return false, nil
	}
	g.done[c.Key] = true
	return true, nil
}

func (c fakeCall) suspend(g *fakeGuest) (bool, error) { return c.pause(g, "running", "paused") }

func (c fakeCall) resume(g *fakeGuest) (bool, error) { return c.pause(g, "paused", "running") }

func (c fakeCall) pause(g *fakeGuest, from, to string) (bool, error) {
	switch g.State {
	case to:
		return false, nil
	case from:
		g.State = to
		return true, nil
	}
	return false, virt.Errorf(virt.Busy, "%s is %s", g.Name, g.State)
}

func (c fakeCall) save(g *fakeGuest) (bool, error) {
	if !g.active() {
		if g.saved {
			return false, nil
		}
		return false, virt.Errorf(virt.Busy, "%s is off: there is no memory to save", g.Name)
	}
	g.off()
	g.saved = true
	return true, nil
}

func (c fakeCall) restore(g *fakeGuest) (bool, error) {
	switch {
	case g.active() && c.Retry:
		return false, nil
	case g.active():
		return false, virt.Errorf(virt.Busy, "%s runs", g.Name)
	case !g.saved:
		return false, virt.Errorf(virt.NotFound, "%s has no saved memory; start it instead", g.Name)
	}
	return c.start(g)
}

// snapshot is where the guest has it, or -1.
func (g *fakeGuest) snapshot(name string) int {
	for i, s := range g.snapshots {
		if s.Name == name {
			return i
		}
	}
	return -1
}

func (g *fakeGuest) current() string {
	for _, s := range g.snapshots {
		if s.Current {
			return s.Name
		}
	}
	return ""
}

func (g *fakeGuest) makeCurrent(name string) {
	for i := range g.snapshots {
		g.snapshots[i].Current = g.snapshots[i].Name == name
	}
}

func (g *fakeGuest) snapshotChange(name string, changed bool) virt.SnapshotChange {
	return virt.SnapshotChange{Name: g.Name, UUID: g.UUID, State: g.State, Snapshot: name, Changed: changed}
}

func (c fakeCall) takeSnapshot() (any, error) {
	g, err := c.find()
	if err != nil {
		return nil, err
	}
	name := c.Arguments.Text("snapshot")
	if name == "" {
		name = "lazaret-" + c.id()[:13]
	}
	if g.snapshot(name) >= 0 {
		if c.Retry {
			return g.snapshotChange(name, false), nil
		}
		return nil, virt.Errorf(virt.Busy, "%s already has a snapshot %q", g.Name, name)
	}
	g.snapshots = append(g.snapshots, virt.Snapshot{
		Name: name, Description: c.Arguments.Text("description"), State: g.State,
		Created: int64(len(g.snapshots) + 1), Parent: g.current(),
	})
	g.makeCurrent(name)
	return g.snapshotChange(name, true), nil
}

func (c fakeCall) listSnapshots() (any, error) {
	g, err := c.find()
	if err != nil {
		return nil, err
	}
	return virt.SnapshotList{Snapshots: append([]virt.Snapshot{}, g.snapshots...)}, nil
}

func (c fakeCall) revertSnapshot() (any, error) {
	g, at, err := c.findSnapshot()
	if err != nil {
		return nil, err
	}
	name, mark := g.snapshots[at].Name, fmt.Sprintf("revert %s", c.Key)
	if c.Retry && g.done[mark] {
		return g.snapshotChange(name, false), nil
	}
	if c.Retry {
		return nil, &virt.Error{Code: virt.Failed, Lost: true, Message: "an attempt to revert " + g.Name + " was broken off"}
	}
	g.State, g.done[mark] = g.snapshots[at].State, true
	g.makeCurrent(name)
	return g.snapshotChange(name, true), nil
}

func (c fakeCall) deleteSnapshot() (any, error) {
	g, at, err := c.findSnapshot()
	if err != nil {
		if g != nil && c.Retry && c.Resolved != "" {
			return g.snapshotChange(c.Arguments.Text("snapshot"), false), nil
		}
		return nil, err
	}
	name := g.snapshots[at].Name
	g.snapshots = append(g.snapshots[:at:at], g.snapshots[at+1:]...)
	return g.snapshotChange(name, true), nil
}

// findSnapshot is the guest, if it exists, and where it has the snapshot.
func (c fakeCall) findSnapshot() (*fakeGuest, int, error) {
	g, err := c.find()
	if err != nil {
		return nil, 0, err
	}
	name := c.Arguments.Text("snapshot")
	at := g.snapshot(name)
	if at < 0 {
		return g, 0, virt.Errorf(virt.NotFound, "%s has no snapshot %q", g.Name, name)
	}
	return g, at, nil
}
