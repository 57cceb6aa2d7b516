//go:build libvirt_dlopen && cgo

package libvirt

import (
	"context"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"

	"libvirt.org/go/libvirt"

	"lazaret.dev/lazaret/activities/virt"
)

func createSnapshot(o *operation) (any, error) {
	return readGuest(o, func(g *guest) (any, error) {
		name := o.arguments.Text("snapshot")
		if name == "" {
			name = "lazaret-" + derive(o.call.Key, "snapshot")[:13]
		}
		if s, err := g.SnapshotLookupByName(name, 0); err == nil {
			_ = s.Free()
			if !o.call.Retry {
				return nil, virt.Errorf(virt.Busy, "%s already has a snapshot %q", g.name, name)
			}
			return g.snapshotChange(name, false), nil
		}
		var flags libvirt.DomainSnapshotCreateFlags
		if o.arguments.Bool("diskOnly") {
			flags = libvirt.DOMAIN_SNAPSHOT_CREATE_DISK_ONLY
		}
		err := o.abortable(g, func() error {
			s, err := g.CreateSnapshotXML(virt.SnapshotXML(name, o.arguments.Text("description")), flags)
			if err == nil {
				_ = s.Free()
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		return g.snapshotChange(name, true), nil
	})
}

// abortable does something long; the end of the call aborts it.
func (o *operation) abortable(g *guest, act func() error) error {
	o.progress(virt.Progress{Text: o.call.Operation + " of " + g.name})
	stop := context.AfterFunc(o.ctx, func() { _ = g.AbortJob() })
	defer stop()
	return act()
}

func (g *guest) snapshotChange(name string, changed bool) virt.SnapshotChange {
	c := g.changed(changed)
	return virt.SnapshotChange{Name: c.Name, UUID: c.UUID, State: c.State, Snapshot: name, Changed: changed}
}

func listSnapshots(o *operation) (any, error) {
	return readGuest(o, func(g *guest) (any, error) {
		all, err := g.ListAllSnapshots(0)
		if err != nil {
			return nil, err
		}
		list := virt.SnapshotList{Snapshots: []virt.Snapshot{}}
		for i := range all {
			s, err := describeSnapshot(&all[i])
			_ = all[i].Free()
			if err != nil {
				return nil, err
			}
			list.Snapshots = append(list.Snapshots, s)
		}
		slices.SortFunc(list.Snapshots, func(a, b virt.Snapshot) int {
			if a.Created != b.Created {
				return int(min(max(a.Created-b.Created, -1), 1))
			}
			return strings.Compare(a.Name, b.Name)
		})
		return list, nil
	})
}

func describeSnapshot(s *libvirt.DomainSnapshot) (virt.Snapshot, error) {
	text, err := s.GetXMLDesc(0)
	if err != nil {
		return virt.Snapshot{}, err
	}
	var x struct {
		Name        string `xml:"name"`
		Description string `xml:"description"`
		State       string `xml:"state"`
		Created     int64  `xml:"creationTime"`
		Parent      string `xml:"parent>name"`
	}
	if err := xml.Unmarshal([]byte(text), &x); err != nil {
		return virt.Snapshot{}, err
	}
	current, err := s.IsCurrent(0)
	return virt.Snapshot{Name: x.Name, Description: x.Description, State: x.State, Created: x.Created, Parent: x.Parent, Current: current}, err
}

func (o *operation) snapshot(g *guest) (*libvirt.DomainSnapshot, error) {
	name := o.arguments.Text("snapshot")
	s, err := g.SnapshotLookupByName(name, 0)
	if isCode(err, libvirt.ERR_NO_DOMAIN_SNAPSHOT) {
		return nil, virt.Errorf(virt.NotFound, "%s has no snapshot %q", g.name, name)
	}
	return s, err
}

// revertSnapshot marks the guest before it is put back and after, since marks go back
// with it: a retry that finds the first mark knows that nothing was done yet, and the
// second, that all was. Of one that finds neither nobody knows, and it does nothing.
func revertSnapshot(o *operation) (any, error) {
	return readGuest(o, func(g *guest) (any, error) {
		s, err := o.snapshot(g)
		if err != nil {
			return nil, err
		}
		defer func() { _ = s.Free() }()
		name := o.arguments.Text("snapshot")
		if o.call.Key == "" {
			err := o.abortable(g, func() error { return s.RevertToSnapshot(0) })
			return g.snapshotChange(name, err == nil), err
		}
		begun := o.call.Key + " begun"
		switch {
		case !o.call.Retry || o.marked(g, begun):
		case o.marked(g, o.call.Key):
			return g.snapshotChange(name, false), nil
		default:
			return nil, &virt.Error{Code: virt.Failed, Lost: true, Message: fmt.Sprintf(
				"an attempt to revert %s to %q was broken off; look at the guest before you ask again", g.name, name)}
		}
		if err := o.mark(g, begun); err != nil {
			return nil, err
		}
		if err := o.abortable(g, func() error { return s.RevertToSnapshot(0) }); err != nil {
			o.unmark(g)
			return nil, err
		}
		_ = o.mark(g, o.call.Key)
		return g.snapshotChange(name, true), nil
	})
}

func deleteSnapshot(o *operation) (any, error) {
	return readGuest(o, func(g *guest) (any, error) {
		name := o.arguments.Text("snapshot")
		s, err := o.snapshot(g)
		if o.vanished(err) {
			return g.snapshotChange(name, false), nil
		}
		if err != nil {
			return nil, err
		}
		defer func() { _ = s.Free() }()
		if err := o.abortable(g, func() error { return s.Delete(0) }); err != nil {
			return nil, err
		}
		return g.snapshotChange(name, true), nil
	})
}
