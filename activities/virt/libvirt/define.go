//go:build libvirt_dlopen && cgo

package libvirt

import (
	"strings"

	"libvirt.org/go/libvirt"

	"lazaret.dev/lazaret/activities/virt"
)

// machine is the definition that the arguments ask for.
type machine struct{ name, uuid, xml string }

func (o *operation) machine() (machine, error) {
	uuid := o.arguments.Text("uuid")
	if uuid == "" {
		uuid = derive(o.call.Key, "domain")
	}
	if kind := o.arguments.Text("machine"); o.arguments.Int("ports") > 0 && kind != "q35" && kind != "virt" {
		return machine{}, virt.Errorf(virt.Invalid, "ports are of a machine q35 or virt")
	}
	if !o.arguments.Has("xml") {
		return machine{o.arguments.Text("name"), uuid, virt.DomainXML(o.arguments, uuid)}, nil
	}
	review, err := o.review()
	if err != nil {
		return machine{}, err
	}
	shape, err := readShape(review.XML)
	if err != nil {
		return machine{}, err
	}
	if shape.Name == "" {
		return machine{}, virt.Errorf(virt.Invalid, "xml has no name")
	}
	if shape.UUID != "" {
		return machine{shape.Name, shape.UUID, review.XML}, nil
	}
	head, rest, _ := strings.Cut(review.XML, ">")
	return machine{shape.Name, uuid, head + "><uuid>" + uuid + "</uuid>" + rest}, nil
}

// review holds raw XML against the allow-list again, and its paths against the pools.
func (o *operation) review() (virt.Review, error) {
	review, err := virt.ReviewXML(o.arguments.Text("xml"))
	if err != nil {
		return review, virt.Errorf(virt.Invalid, "xml %v", err)
	}
	return review, o.insidePools(review.Paths)
}

// existing is the guest that the definition would make, if it is there already.
func (o *operation) existing(m machine) (*guest, error) {
	d, err := o.conn.LookupDomainByUUIDString(m.uuid)
	if isCode(err, libvirt.ERR_NO_DOMAIN) {
		d, err = o.conn.LookupDomainByName(m.name)
		if isCode(err, libvirt.ERR_NO_DOMAIN) {
			return nil, nil //nolint:nilnil // no guest, and nothing wrong
		}
	}
	if err != nil {
		return nil, err
	}
	g := &guest{Domain: d}
	if g.name, err = d.GetName(); err == nil {
		g.uuid, err = d.GetUUIDString()
	}
	if err == nil && (!o.call.Retry || g.uuid != m.uuid || g.name != m.name) {
		err = virt.Errorf(virt.Busy, "there is already a guest %q with the UUID %s", g.name, g.uuid)
	}
	if err != nil {
		_ = d.Free()
		return nil, err
	}
	return g, nil
}

func defineDomain(o *operation) (any, error) {
	m, err := o.machine()
	if err != nil {
		return nil, err
	}
	g, err := o.existing(m)
	if err != nil {
		return nil, err
	}
	changed := g == nil
	if changed {
		if g, err = o.define(m); err != nil {
			return nil, err
		}
	}
	defer func() { _ = g.Free() }()
	return g.changed(changed), nil
}

func (o *operation) define(m machine) (*guest, error) {
	d, err := o.conn.DomainDefineXML(m.xml)
	if err != nil {
		return nil, err
	}
	return &guest{d, m.name, m.uuid}, nil
}

func createDomain(o *operation) (any, error) {
	m, err := o.machine()
	if err != nil {
		return nil, err
	}
	g, err := o.existing(m)
	if err != nil {
		return nil, err
	}
	made := g == nil
	if made {
		if g, err = o.make(m); err != nil {
			return nil, err
		}
	}
	defer func() { _ = g.Free() }()
	active, err := g.active()
	if err != nil {
		return nil, err
	}
	if active {
		return g.changed(made), nil
	}
	if err := g.Create(); err != nil {
		if made {
			_ = g.Undefine() // nothing is left half made
		}
		return nil, err
	}
	return g.changed(true), nil
}

func (o *operation) make(m machine) (*guest, error) {
	if !o.arguments.Bool("ephemeral") {
		return o.define(m)
	}
	d, err := o.conn.DomainCreateXML(m.xml, 0)
	if err != nil {
		return nil, err
	}
	return &guest{d, m.name, m.uuid}, nil
}

func rename(o *operation, g *guest) (bool, error) {
	to := o.arguments.Text("to")
	if g.name == to {
		return false, nil
	}
	if active, err := g.active(); err != nil || active {
		if err == nil {
			err = virt.Errorf(virt.Busy, "%s runs; only a guest that is off can be renamed", g.name)
		}
		return false, err
	}
	if err := g.Rename(to, 0); err != nil {
		return false, err
	}
	g.name = to
	return true, nil
}

func migrate(o *operation) (any, error) {
	g, err := o.find()
	if o.vanished(err) {
		return virt.DomainChange{Name: o.arguments.Text("name"), UUID: o.call.Resolved, State: "migrated"}, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = g.Free() }()
	flags := libvirt.MIGRATE_PEER2PEER | libvirt.MIGRATE_PERSIST_DEST
	if o.arguments.Bool("online") {
		flags |= libvirt.MIGRATE_LIVE
	} else {
		flags |= libvirt.MIGRATE_OFFLINE
	}
	if o.arguments.Bool("undefine") {
		flags |= libvirt.MIGRATE_UNDEFINE_SOURCE
	}
	err = o.abortable(g, func() error {
		return g.MigrateToURI3(o.arguments.Text("destination"), &libvirt.DomainMigrateParameters{}, flags)
	})
	if err != nil {
		return nil, err
	}
	return virt.DomainChange{Name: g.name, UUID: g.uuid, State: "migrated", Changed: true}, nil
}
