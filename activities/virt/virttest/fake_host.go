package virttest

import (
	"slices"
	"strings"

	"lazaret.dev/lazaret/activities/virt"
)

const fakeMemory = 16 << 10 // MiB

func (c fakeCall) host() (any, error) {
	return virt.Host{
		Hostname: "fake", URI: c.URI, Hypervisor: "FAKE", HypervisorVersion: "1.0.0", LibvirtVersion: "0.0.0",
		CPUModel: "fake", CPUs: 4, Cores: 4, Threads: 1, Sockets: 1, MHz: 1000, NUMANodes: 1, Memory: fakeMemory, MemoryFree: fakeMemory / 2,
	}, nil
}

func (c fakeCall) capabilities() (any, error) {
	return virt.Document{XML: "<capabilities><host/></capabilities>"}, nil
}

func (c fakeCall) hostMemory() (any, error) {
	return virt.HostMemory{Total: fakeMemory, Free: fakeMemory / 2}, nil
}

func (c fakeCall) hostCPU() (any, error) { return virt.HostCPU{Online: 4, Present: 4}, nil }

func (c fakeCall) listNetworks() (any, error) {
	list := virt.NetworkList{Networks: []virt.Network{}}
	for _, n := range c.networks {
		list.Networks = append(list.Networks, *n)
	}
	slices.SortFunc(list.Networks, func(a, b virt.Network) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

func (c fakeCall) network() (*virt.Network, error) {
	name := c.Arguments.Text("name")
	if n := c.networks[name]; n != nil {
		return n, nil
	}
	return nil, virt.Errorf(virt.NotFound, "there is no network %q", name)
}

func (c fakeCall) networkInfo() (any, error) {
	n, err := c.network()
	if err != nil {
		return nil, err
	}
	return *n, nil
}

func (c fakeCall) leases() (any, error) {
	_, err := c.network()
	return virt.LeaseList{Leases: []virt.Lease{}}, err
}

func networkChange(n *virt.Network, changed bool) virt.NetworkChange {
	return virt.NetworkChange{Name: n.Name, UUID: n.UUID, Active: n.Active, Changed: changed}
}

func (c fakeCall) defineNetwork() (any, error) {
	name, id := c.Arguments.Text("name"), c.id()
	if n := c.networks[name]; n != nil {
		if c.Retry && n.UUID == id {
			return networkChange(n, false), nil
		}
		return nil, virt.Errorf(virt.Busy, "there is already a network %q", name)
	}
	n := &virt.Network{Name: name, UUID: id, Bridge: c.Arguments.Text("bridge"), Persistent: true}
	c.networks[name] = n
	return networkChange(n, true), nil
}

func (c fakeCall) startNetwork() (any, error) { return c.switchNetwork(true) }

func (c fakeCall) stopNetwork() (any, error) { return c.switchNetwork(false) }

func (c fakeCall) switchNetwork(on bool) (any, error) {
	n, err := c.network()
	if err != nil {
		return nil, err
	}
	changed := n.Active != on
	n.Active = on
	return networkChange(n, changed), nil
}

func (c fakeCall) deleteNetwork() (any, error) {
	n, err := c.network()
	switch {
	case err != nil && c.Retry:
		return virt.NetworkChange{Name: c.Arguments.Text("name")}, nil
	case err != nil:
		return nil, err
	case n.Active:
		return nil, virt.Errorf(virt.Busy, "the network %s is active; stop it first", n.Name)
	}
	delete(c.networks, n.Name)
	return networkChange(n, true), nil
}

const fakeCapacity = 1 << 40 // bytes

func (c fakeCall) thePool() virt.Pool {
	p := virt.Pool{Name: FakePool, State: "running", Capacity: fakeCapacity, Persistent: true}
	for _, v := range c.volumes {
		p.Allocation += v.Allocation
	}
	p.Available = p.Capacity - p.Allocation
	return p
}

func (c fakeCall) listPools() (any, error) {
	return virt.PoolList{Pools: []virt.Pool{c.thePool()}}, nil
}

func (c fakeCall) checkPool(name string) error {
	if name != FakePool {
		return virt.Errorf(virt.NotFound, "there is no storage pool %q", name)
	}
	return nil
}

func (c fakeCall) poolInfo() (any, error) {
	return c.thePool(), c.checkPool(c.Arguments.Text("pool"))
}

func (c fakeCall) refreshPool() (any, error) {
	return virt.PoolChange{Name: FakePool, State: "running", Changed: true}, c.checkPool(c.Arguments.Text("pool"))
}

func (c fakeCall) listVolumes() (any, error) {
	list := virt.VolumeList{Volumes: []virt.Volume{}}
	for _, v := range c.volumes {
		list.Volumes = append(list.Volumes, *v)
	}
	slices.SortFunc(list.Volumes, func(a, b virt.Volume) int { return strings.Compare(a.Name, b.Name) })
	return list, c.checkPool(c.Arguments.Text("pool"))
}

func volumeChange(v *virt.Volume, changed bool) virt.VolumeChange {
	return virt.VolumeChange{Pool: FakePool, Volume: v.Name, Capacity: v.Capacity, Changed: changed}
}

// volume is the volume of that name in the pool that the argument names.
func (c fakeCall) volume(pool, name string) (*virt.Volume, error) {
	if err := c.checkPool(pool); err != nil {
		return nil, err
	}
	if v := c.volumes[name]; v != nil {
		return v, nil
	}
	return nil, virt.Errorf(virt.NotFound, "the pool %s has no volume %q", pool, name)
}

func (c fakeCall) createVolume() (any, error) {
	return c.makeVolume(uint64(c.Arguments.Int("capacity"))) //nolint:gosec // positive, by its range
}

func (c fakeCall) makeVolume(capacity uint64) (any, error) {
	name := c.Arguments.Text("volume")
	if err := c.checkPool(c.Arguments.Text("pool")); err != nil {
		return nil, err
	}
	if v := c.volumes[name]; v != nil {
		if c.Retry {
			return volumeChange(v, false), nil
		}
		return nil, virt.Errorf(virt.Busy, "the pool %s already has a volume %q", FakePool, name)
	}
	v := &virt.Volume{Name: name, Capacity: capacity}
	c.volumes[name] = v
	return volumeChange(v, true), nil
}

func (c fakeCall) cloneVolume() (any, error) {
	pool := c.Arguments.Text("fromPool")
	if pool == "" {
		pool = c.Arguments.Text("pool")
	}
	from, err := c.volume(pool, c.Arguments.Text("from"))
	if err != nil {
		return nil, err
	}
	capacity := uint64(c.Arguments.Int("capacity")) //nolint:gosec // positive, by its range
	return c.makeVolume(max(capacity, from.Capacity))
}

func (c fakeCall) resizeVolume() (any, error) {
	v, err := c.volume(c.Arguments.Text("pool"), c.Arguments.Text("volume"))
	if err != nil {
		return nil, err
	}
	want := uint64(c.Arguments.Int("capacity")) //nolint:gosec // positive, by its range
	if want < v.Capacity {
		return nil, virt.Errorf(virt.Busy, "the volume %s has %d bytes, and cannot be made smaller", v.Name, v.Capacity)
	}
	changed := want != v.Capacity
	v.Capacity = want
	return volumeChange(v, changed), nil
}

func (c fakeCall) deleteVolume() (any, error) {
	v, err := c.volume(c.Arguments.Text("pool"), c.Arguments.Text("volume"))
	if err != nil {
		if c.Retry && virt.AsError(err).Code == virt.NotFound {
			return virt.VolumeChange{Pool: c.Arguments.Text("pool"), Volume: c.Arguments.Text("volume")}, nil
		}
		return nil, err
	}
	delete(c.volumes, v.Name)
	return volumeChange(v, true), nil
}
