//go:build libvirt_dlopen && cgo

package libvirt

import (
	"libvirt.org/go/libvirt"

	"lazaret.dev/lazaret/activities/virt"
)

func autostart(o *operation, g *guest) (bool, error) {
	want := o.arguments.Bool("enabled")
	is, err := g.GetAutostart()
	if err != nil || is == want {
		return false, err
	}
	return true, g.SetAutostart(want)
}

// impact is what live and config ask for, as far as the guest's state has it.
func (o *operation) impact(g *guest) (libvirt.DomainModificationImpact, error) {
	active, err := g.active()
	if err != nil {
		return 0, err
	}
	persistent, err := g.IsPersistent()
	if err != nil {
		return 0, err
	}
	var flags libvirt.DomainModificationImpact
	if o.arguments.Bool("live") && active {
		flags |= libvirt.DOMAIN_AFFECT_LIVE
	}
	if o.arguments.Bool("config") && persistent {
		flags |= libvirt.DOMAIN_AFFECT_CONFIG
	}
	if flags == 0 {
		return 0, virt.Errorf(virt.Busy, "%s does not run, or is not kept when it is off, and the other was not asked for", g.name)
	}
	return flags, nil
}

func setMemory(o *operation, g *guest) (bool, error) {
	kib := uint64(o.arguments.Int("memory")) << 10 //nolint:gosec // positive, by its range
	if o.arguments.Bool("maximum") {
		return true, g.SetMemoryFlags(kib, libvirt.DOMAIN_MEM_MAXIMUM|libvirt.DOMAIN_MEM_CONFIG)
	}
	flags, err := o.impact(g)
	if err != nil {
		return false, err
	}
	most, err := g.GetMaxMemory()
	if err == nil && kib > most {
		return false, virt.Errorf(virt.Busy, "%s can have %d MiB at most; raise its maximum first", g.name, most>>10)
	}
	return true, g.SetMemoryFlags(kib, libvirt.DomainMemoryModFlags(flags))
}

func setVCPUs(o *operation, g *guest) (bool, error) {
	n := uint(o.arguments.Int("vcpus")) //nolint:gosec // positive, by its range
	if o.arguments.Bool("maximum") {
		return true, g.SetVcpusFlags(n, libvirt.DOMAIN_VCPU_MAXIMUM|libvirt.DOMAIN_VCPU_CONFIG)
	}
	flags, err := o.impact(g)
	if err != nil {
		return false, err
	}
	return true, g.SetVcpusFlags(n, libvirt.DomainVcpuFlags(flags))
}

func blockResize(o *operation, g *guest) (bool, error) {
	target, want := o.arguments.Text("target"), uint64(o.arguments.Int("capacity")) //nolint:gosec // positive, by its range
	info, err := g.GetBlockInfo(target, 0)
	if err != nil {
		return false, err
	}
	if info.Capacity == want {
		return false, nil
	}
	return true, g.BlockResize(target, want, libvirt.DOMAIN_BLOCK_RESIZE_BYTES)
}
