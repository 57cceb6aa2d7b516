//go:build libvirt_dlopen && cgo

package libvirt

import (
	"slices"
	"strings"

	"libvirt.org/go/libvirt"

	"lazaret.dev/lazaret/activities/virt"
)

var listFlags = map[string]libvirt.ConnectListAllDomainsFlags{
	"all": 0, "active": libvirt.CONNECT_LIST_DOMAINS_ACTIVE, "inactive": libvirt.CONNECT_LIST_DOMAINS_INACTIVE,
	"running": libvirt.CONNECT_LIST_DOMAINS_RUNNING, "paused": libvirt.CONNECT_LIST_DOMAINS_PAUSED,
	"shutoff": libvirt.CONNECT_LIST_DOMAINS_SHUTOFF,
}

func listDomains(o *operation) (any, error) {
	domains, err := o.conn.ListAllDomains(listFlags[o.arguments.Text("state")])
	if err != nil {
		return nil, err
	}
	list := virt.DomainList{Domains: []virt.Domain{}}
	for i := range domains {
		d, err := describe(&domains[i])
		_ = domains[i].Free()
		if isCode(err, libvirt.ERR_NO_DOMAIN) {
			continue // it went away meanwhile
		}
		if err != nil {
			return nil, err
		}
		list.Domains = append(list.Domains, d)
	}
	slices.SortFunc(list.Domains, func(a, b virt.Domain) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

func describe(d *libvirt.Domain) (virt.Domain, error) {
	var v virt.Domain
	name, err := d.GetName()
	if err != nil {
		return v, err
	}
	uuid, err := d.GetUUIDString()
	if err != nil {
		return v, err
	}
	info, err := d.GetInfo()
	if err != nil {
		return v, err
	}
	v = virt.Domain{
		Name: name, UUID: uuid, State: stateName(info.State),
		MaxMemory: info.MaxMem >> 10, Memory: info.Memory >> 10, VCPUs: info.NrVirtCpu, CPUTime: info.CpuTime,
	}
	if id, err := d.GetID(); err == nil {
		v.ID = int(id)
	}
	// Not every driver knows these of every guest.
	v.Autostart, _ = d.GetAutostart()
	v.Persistent, _ = d.IsPersistent()
	return v, nil
}

func domainInfo(o *operation) (any, error) {
	return readGuest(o, func(g *guest) (any, error) { return describe(g.Domain) })
}

func readGuest(o *operation, read func(*guest) (any, error)) (any, error) {
	g, err := o.find()
	if err != nil {
		return nil, err
	}
	defer func() { _ = g.Free() }()
	return read(g)
}

func domainState(o *operation) (any, error) {
	return readGuest(o, func(g *guest) (any, error) { return g.whereItStands() })
}

func (g *guest) whereItStands() (virt.DomainState, error) {
	state, reason, err := g.GetState()
	return virt.DomainState{Name: g.name, UUID: g.uuid, State: stateName(state), Reason: reason}, err
}

func waitForDomain(o *operation) (any, error) {
	return readGuest(o, func(g *guest) (any, error) {
		want := o.arguments.Text("state")
		ok, err := o.await("waiting until "+g.name+" is "+want, func() (bool, error) {
			state, err := g.state()
			if isCode(err, libvirt.ERR_NO_DOMAIN) && want == "shutoff" {
				return true, nil // it was a transient one
			}
			return stateName(state) == want, err
		})
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, virt.Errorf(virt.Timeout, "%s was not %s within %d s", g.name, want, o.arguments.Int("deadline"))
		}
		stands, err := g.whereItStands()
		if isCode(err, libvirt.ERR_NO_DOMAIN) {
			return virt.DomainState{Name: g.name, UUID: g.uuid, State: want}, nil
		}
		return stands, err
	})
}

func domainXML(o *operation) (any, error) {
	return readGuest(o, func(g *guest) (any, error) {
		var flags libvirt.DomainXMLFlags // never DOMAIN_XML_SECURE
		if o.arguments.Bool("inactive") {
			flags = libvirt.DOMAIN_XML_INACTIVE
		}
		xml, err := g.GetXMLDesc(flags)
		return virt.Document{XML: xml}, err
	})
}

const wantedStats = libvirt.DOMAIN_STATS_STATE | libvirt.DOMAIN_STATS_CPU_TOTAL | libvirt.DOMAIN_STATS_BALLOON |
	libvirt.DOMAIN_STATS_INTERFACE | libvirt.DOMAIN_STATS_BLOCK

func domainStats(o *operation) (any, error) {
	return readGuest(o, func(g *guest) (any, error) {
		all, err := o.conn.GetAllDomainStats([]*libvirt.Domain{g.Domain}, wantedStats, 0)
		if err != nil {
			return nil, err
		}
		if len(all) == 0 {
			return nil, virt.Errorf(virt.NotFound, "there is no guest %q any more", g.name)
		}
		defer func() { _ = all[0].Domain.Free() }()
		return newStats(g, all[0])
	})
}

func newStats(g *guest, s libvirt.DomainStats) (virt.DomainStats, error) {
	state, err := g.state()
	v := virt.DomainStats{
		Name: g.name, UUID: g.uuid, State: stateName(state), Memory: map[string]int64{},
		Disks: []virt.DiskStats{}, Networks: []virt.NetStats{},
	}
	if s.Cpu != nil {
		v.CPUTime, v.CPUUser, v.CPUSystem = s.Cpu.Time, s.Cpu.User, s.Cpu.System
	}
	if b := s.Balloon; b != nil {
		for name, value := range map[string]struct {
			set bool
			kib uint64
		}{
			"actual": {b.CurrentSet, b.Current}, "maximum": {b.MaximumSet, b.Maximum}, "unused": {b.UnusedSet, b.Unused},
			"available": {b.AvailableSet, b.Available}, "usable": {b.UsableSet, b.Usable}, "rss": {b.RssSet, b.Rss},
		} {
			if value.set {
				v.Memory[name] = int64(value.kib) //nolint:gosec // KiB of a machine's memory
			}
		}
	}
	for _, d := range s.Block {
		v.Disks = append(v.Disks, virt.DiskStats{
			Target: d.Name, ReadBytes: count(d.RdBytes), ReadOps: count(d.RdReqs), WriteBytes: count(d.WrBytes), WriteOps: count(d.WrReqs),
		})
	}
	for _, n := range s.Net {
		v.Networks = append(v.Networks, virt.NetStats{
			Device: n.Name, RxBytes: count(n.RxBytes), RxPackets: count(n.RxPkts), TxBytes: count(n.TxBytes), TxPackets: count(n.TxPkts),
		})
	}
	return v, err
}

func count(n uint64) int64 { return int64(min(n, 1<<62)) }

func guestInfo(o *operation) (any, error) {
	return readGuest(o, func(g *guest) (any, error) {
		info, err := g.GetGuestInfo(libvirt.DOMAIN_GUEST_INFO_OS|libvirt.DOMAIN_GUEST_INFO_HOSTNAME|libvirt.DOMAIN_GUEST_INFO_TIMEZONE|libvirt.DOMAIN_GUEST_INFO_USERS, 0)
		if err != nil {
			return nil, err
		}
		v := virt.GuestInfo{Hostname: oneLine(info.Hostname), Users: []string{}}
		if info.OS != nil {
			v.OS, v.Kernel = oneLine(info.OS.PrettyName), oneLine(info.OS.KernelRelease)
		}
		if info.TimeZone != nil {
			v.Timezone = oneLine(info.TimeZone.Name)
		}
		for _, user := range info.Users[:min(len(info.Users), 1000)] {
			v.Users = append(v.Users, oneLine(user.Name))
		}
		return v, nil
	})
}
