//go:build libvirt_dlopen && cgo

package libvirt

import (
	"slices"
	"strings"

	"libvirt.org/go/libvirt"

	"lazaret.dev/lazaret/activities/virt"
)

func listNetworks(o *operation) (any, error) {
	all, err := o.conn.ListAllNetworks(0)
	if err != nil {
		return nil, err
	}
	list := virt.NetworkList{Networks: []virt.Network{}}
	for i := range all {
		n, err := describeNetwork(&all[i])
		_ = all[i].Free()
		if isCode(err, libvirt.ERR_NO_NETWORK) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list.Networks = append(list.Networks, n)
	}
	slices.SortFunc(list.Networks, func(a, b virt.Network) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

func describeNetwork(n *libvirt.Network) (virt.Network, error) {
	var v virt.Network
	var err error
	if v.Name, err = n.GetName(); err != nil {
		return v, err
	}
	if v.UUID, err = n.GetUUIDString(); err != nil {
		return v, err
	}
	if v.Active, err = n.IsActive(); err != nil {
		return v, err
	}
	v.Bridge, _ = n.GetBridgeName() // not every network has one
	v.Autostart, _ = n.GetAutostart()
	v.Persistent, _ = n.IsPersistent()
	return v, nil
}

func (o *operation) network() (*libvirt.Network, error) {
	name := o.arguments.Text("name")
	n, err := o.conn.LookupNetworkByName(name)
	if isCode(err, libvirt.ERR_NO_NETWORK) {
		return nil, virt.Errorf(virt.NotFound, "there is no network %q", name)
	}
	return n, err
}

func onNetwork(o *operation, do func(*libvirt.Network) (any, error)) (any, error) {
	n, err := o.network()
	if err != nil {
		return nil, err
	}
	defer func() { _ = n.Free() }()
	return do(n)
}

func networkInfo(o *operation) (any, error) {
	return onNetwork(o, func(n *libvirt.Network) (any, error) { return describeNetwork(n) })
}

func networkLeases(o *operation) (any, error) {
	return onNetwork(o, func(n *libvirt.Network) (any, error) {
		leases, err := n.GetDHCPLeases()
		if err != nil {
			return nil, err
		}
		list := virt.LeaseList{Leases: []virt.Lease{}}
		for _, l := range leases {
			list.Leases = append(list.Leases, virt.Lease{MAC: l.Mac, Address: l.IPaddr, Hostname: oneLine(l.Hostname), Expires: l.ExpiryTime.Unix()})
		}
		return list, nil
	})
}

func networkChange(n *libvirt.Network, changed bool) (any, error) {
	v, err := describeNetwork(n)
	return virt.NetworkChange{Name: v.Name, UUID: v.UUID, Active: v.Active, Changed: changed}, err
}

func defineNetwork(o *operation) (any, error) {
	name, uuid := o.arguments.Text("name"), o.arguments.Text("uuid")
	if uuid == "" {
		uuid = derive(o.call.Key, "network")
	}
	if n, err := o.conn.LookupNetworkByName(name); err == nil {
		defer func() { _ = n.Free() }()
		has, err := n.GetUUIDString()
		if err == nil && (!o.call.Retry || has != uuid) {
			err = virt.Errorf(virt.Busy, "there is already a network %q", name)
		}
		if err != nil {
			return nil, err
		}
		return networkChange(n, false)
	}
	n, err := o.conn.NetworkDefineXML(virt.NetworkXML(o.arguments, uuid))
	if err != nil {
		return nil, err
	}
	defer func() { _ = n.Free() }()
	return networkChange(n, true)
}

func startNetwork(o *operation) (any, error) {
	return switchNetwork(o, true, (*libvirt.Network).Create)
}

func stopNetwork(o *operation) (any, error) {
	return switchNetwork(o, false, (*libvirt.Network).Destroy)
}

func switchNetwork(o *operation, on bool, act func(*libvirt.Network) error) (any, error) {
	return onNetwork(o, func(n *libvirt.Network) (any, error) {
		active, err := n.IsActive()
		if err != nil {
			return nil, err
		}
		if active == on {
			return networkChange(n, false)
		}
		if err := act(n); err != nil {
			return nil, err
		}
		return networkChange(n, true)
	})
}

func deleteNetwork(o *operation) (any, error) {
	name := o.arguments.Text("name")
	n, err := o.network()
	if err != nil {
		if o.call.Retry && asError(err).Code == virt.NotFound {
			return virt.NetworkChange{Name: name}, nil
		}
		return nil, err
	}
	defer func() { _ = n.Free() }()
	v, err := describeNetwork(n)
	if err != nil {
		return nil, err
	}
	if v.Active {
		return nil, virt.Errorf(virt.Busy, "network %q is active; stop it first", name)
	}
	if err := n.Undefine(); err != nil {
		return nil, err
	}
	return virt.NetworkChange{Name: v.Name, UUID: v.UUID, Changed: true}, nil
}
