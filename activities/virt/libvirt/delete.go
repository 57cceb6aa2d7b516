//go:build libvirt_dlopen && cgo

package libvirt

import (
	"libvirt.org/go/libvirt"

	"lazaret.dev/lazaret/activities/virt"
)

func deleteDomain(o *operation) (any, error) {
	g, err := o.find()
	if o.vanished(err) {
		return virt.DomainDeletion{Name: o.arguments.Text("name"), UUID: o.call.Resolved, Volumes: []string{}, Kept: []string{}}, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = g.Free() }()
	result := virt.DomainDeletion{Name: g.name, UUID: g.uuid, Changed: true, Volumes: []string{}, Kept: []string{}}
	persistent, err := g.IsPersistent()
	if err != nil {
		return nil, err
	}
	var disks []disk
	if o.arguments.Bool("storage") {
		if disks, err = g.disks(); err != nil {
			return nil, err
		}
	}
	if err := o.switchOffFirst(g); err != nil {
		return nil, err
	}
	// The disks go first: as long as the definition is there a retry knows of them.
	for _, d := range disks {
		if err := o.deleteDisk(d, &result); err != nil {
			return nil, err
		}
	}
	if !persistent {
		return result, nil
	}
	err = g.UndefineFlags(libvirt.DOMAIN_UNDEFINE_MANAGED_SAVE | libvirt.DOMAIN_UNDEFINE_SNAPSHOTS_METADATA | libvirt.DOMAIN_UNDEFINE_NVRAM)
	if isCode(err, libvirt.ERR_INVALID_ARG) || isCode(err, libvirt.ERR_ARGUMENT_UNSUPPORTED) {
		err = g.UndefineFlags(libvirt.DOMAIN_UNDEFINE_MANAGED_SAVE | libvirt.DOMAIN_UNDEFINE_SNAPSHOTS_METADATA)
	}
	return result, err
}

func (o *operation) switchOffFirst(g *guest) error {
	active, err := g.active()
	if err != nil || !active {
		return err
	}
	if !o.arguments.Bool("force") {
		return virt.Errorf(virt.Busy, "%s runs; stop it first, or give force", g.name)
	}
	return g.switchOff()
}

// deleteDisk deletes the volume of a disk through its pool. A disk of no pool is
// kept, and so is what other guests may share.
func (o *operation) deleteDisk(d disk, result *virt.DomainDeletion) error {
	if d.shared {
		result.Kept = append(result.Kept, d.target)
		return nil
	}
	v, err := o.volumeOf(d)
	if isCode(err, libvirt.ERR_NO_STORAGE_VOL) || isCode(err, libvirt.ERR_NO_STORAGE_POOL) {
		if d.file != "" {
			result.Kept = append(result.Kept, d.target)
		}
		return nil // of a pool: an earlier attempt has deleted it
	}
	if err != nil {
		return err
	}
	defer func() { _ = v.Free() }()
	p, err := v.LookupPoolByVolume()
	if err != nil {
		return err
	}
	defer func() { _ = p.Free() }()
	pool, err := p.GetName()
	if err != nil {
		return err
	}
	name, err := v.GetName()
	if err != nil {
		return err
	}
	if err := v.Delete(libvirt.STORAGE_VOL_DELETE_NORMAL); err != nil {
		return err
	}
	result.Volumes = append(result.Volumes, pool+"/"+name)
	return nil
}

func (o *operation) volumeOf(d disk) (*libvirt.StorageVol, error) {
	if d.file != "" {
		return o.conn.LookupStorageVolByPath(d.file)
	}
	p, err := o.conn.LookupStoragePoolByName(d.pool)
	if err != nil {
		return nil, err
	}
	defer func() { _ = p.Free() }()
	return p.LookupStorageVolByName(d.volume)
}
