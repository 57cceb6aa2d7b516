//go:build libvirt_dlopen && cgo

package libvirt

import (
	"slices"
	"strings"

	"libvirt.org/go/libvirt"

	"lazaret.dev/lazaret/activities/virt"
)

var poolStates = map[libvirt.StoragePoolState]string{
	libvirt.STORAGE_POOL_INACTIVE: "inactive", libvirt.STORAGE_POOL_BUILDING: "building", libvirt.STORAGE_POOL_RUNNING: "running",
	libvirt.STORAGE_POOL_DEGRADED: "degraded", libvirt.STORAGE_POOL_INACCESSIBLE: "inaccessible",
}

func listPools(o *operation) (any, error) {
	all, err := o.conn.ListAllStoragePools(0)
	if err != nil {
		return nil, err
	}
	list := virt.PoolList{Pools: []virt.Pool{}}
	for i := range all {
		p, err := describePool(&all[i])
		_ = all[i].Free()
		if isCode(err, libvirt.ERR_NO_STORAGE_POOL) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list.Pools = append(list.Pools, p)
	}
	slices.SortFunc(list.Pools, func(a, b virt.Pool) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

func describePool(p *libvirt.StoragePool) (virt.Pool, error) {
	var v virt.Pool
	var err error
	if v.Name, err = p.GetName(); err != nil {
		return v, err
	}
	if v.UUID, err = p.GetUUIDString(); err != nil {
		return v, err
	}
	info, err := p.GetInfo()
	if err != nil {
		return v, err
	}
	v.State, v.Capacity, v.Allocation, v.Available = poolStates[info.State], info.Capacity, info.Allocation, info.Available
	v.Autostart, _ = p.GetAutostart()
	v.Persistent, _ = p.IsPersistent()
	return v, nil
}

func (o *operation) pool(name string) (*libvirt.StoragePool, error) {
	p, err := o.conn.LookupStoragePoolByName(name)
	if isCode(err, libvirt.ERR_NO_STORAGE_POOL) {
		return nil, virt.Errorf(virt.NotFound, "there is no storage pool %q", name)
	}
	return p, err
}

func onPool(o *operation, do func(*libvirt.StoragePool) (any, error)) (any, error) {
	p, err := o.pool(o.arguments.Text("pool"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = p.Free() }()
	return do(p)
}

func poolInfo(o *operation) (any, error) {
	return onPool(o, func(p *libvirt.StoragePool) (any, error) { return describePool(p) })
}

func refreshPool(o *operation) (any, error) {
	return onPool(o, func(p *libvirt.StoragePool) (any, error) {
		if err := p.Refresh(0); err != nil {
			return nil, err
		}
		v, err := describePool(p)
		return virt.PoolChange{Name: v.Name, UUID: v.UUID, State: v.State, Changed: true}, err
	})
}
