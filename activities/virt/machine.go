package virt

import (
	"fmt"
	"strconv"
)

// DomainXML is the definition of a guest from checked arguments of domain.define.
func DomainXML(a Arguments, uuid string) string {
	kind := a.Text("type")
	domain := el("domain", "type", kind).holds(
		el("name").says(a.Text("name")),
		el("uuid").says(uuid),
		el("memory", "unit", "MiB").says(number(a.Int("memory"))),
		el("vcpu", "placement", "static").says(number(a.Int("vcpus"))),
		el("os").holds(
			el("type", "arch", a.Text("arch"), "machine", a.Text("machine")).says("hvm"),
			el("boot", "dev", a.Text("boot")),
		),
	)
	if kind != "test" {
		domain = domain.holds(el("features").holds(el("acpi"), el("apic")))
	}
	return domain.holds(
		el("clock", "offset", "utc"),
		el("on_poweroff").says("destroy"),
		el("on_reboot").says("restart"),
		el("on_crash").says("destroy"),
		devices(a),
	).String()
}

func devices(a Arguments) element {
	d := el("devices")
	for i, disk := range a.Objects("disks") {
		d = d.holds(diskElement(disk, i))
	}
	for _, card := range a.Objects("interfaces") {
		d = d.holds(interfaceElement(card))
	}
	if ports := a.Int("ports"); ports > 0 {
		d = d.holds(el("controller", "type", "pci", "index", "0", "model", "pcie-root"))
		for i := range ports + usedPorts(a) {
			d = d.holds(el("controller", "type", "pci", "index", number(i+1), "model", "pcie-root-port"))
		}
	}
	if a.Text("type") == "test" {
		return d
	}
	d = d.holds(
		el("serial", "type", "pty").holds(el("target", "port", "0")),
		el("console", "type", "pty").holds(el("target", "type", "serial", "port", "0")),
		el("memballoon", "model", "virtio"),
		el("rng", "model", "virtio").holds(el("backend", "model", "random").says("/dev/urandom")),
	)
	if a.Bool("agent") {
		d = d.holds(el("channel", "type", "unix").holds(el("target", "type", "virtio", "name", "org.qemu.guest_agent.0")))
	}
	if video := a.Text("video"); video != "" {
		d = d.holds(el("video").holds(el("model", "type", video)))
	}
	return d
}

// usedPorts are those that the guest's own devices take before any is spare:
// libvirt fills the ports that are there first.
func usedPorts(a Arguments) int64 {
	used := int64(3 + len(a.Objects("interfaces"))) // balloon, random numbers, USB
	for _, disk := range a.Objects("disks") {
		if disk.Text("bus") == "virtio" {
			used++
		}
	}
	if a.Bool("agent") {
		used++
	}
	return used
}

// DiskXML is a disk from checked arguments; it becomes vda unless they say otherwise.
func DiskXML(disk Arguments) string { return diskElement(disk, 0).String() }

func diskElement(disk Arguments, index int) element {
	bus := disk.Text("bus")
	target := disk.Text("target")
	if target == "" {
		target = targetName(bus, index)
	}
	e := el("disk", "type", "volume", "device", disk.Text("device")).holds(
		el("driver", "name", "qemu", "type", disk.Text("format")),
		el("source", "pool", disk.Text("pool"), "volume", disk.Text("volume")),
		el("target", "dev", target, "bus", bus),
	)
	if disk.Bool("readonly") || disk.Text("device") == "cdrom" {
		e = e.holds(el("readonly"))
	}
	return e
}

// targetName is the usual name of the disk with this index on a bus.
func targetName(bus string, index int) string {
	prefix := map[string]string{"virtio": "vd", "ide": "hd"}[bus]
	if prefix == "" {
		prefix = "sd"
	}
	return fmt.Sprintf("%s%c", prefix, 'a'+index)
}

// InterfaceXML is a network interface from checked arguments.
func InterfaceXML(card Arguments) string { return interfaceElement(card).String() }

func interfaceElement(card Arguments) element {
	e := el("interface", "type", "network").holds(el("source", "network", card.Text("network")), el("model", "type", card.Text("model")))
	if mac := card.Text("mac"); mac != "" {
		e = e.holds(el("mac", "address", mac))
	}
	return e
}

// NetworkXML is a network from checked arguments of network.define.
func NetworkXML(a Arguments, uuid string) string {
	e := el("network").holds(el("name").says(a.Text("name")), el("uuid").says(uuid))
	if a.Text("forward") == "nat" {
		e = e.holds(el("forward", "mode", "nat"))
	}
	if bridge := a.Text("bridge"); bridge != "" {
		e = e.holds(el("bridge", "name", bridge))
	}
	if address := a.Text("address"); address != "" {
		ip := el("ip", "address", address, "prefix", number(a.Int("prefix")))
		if start := a.Text("dhcpStart"); start != "" {
			ip = ip.holds(el("dhcp").holds(el("range", "start", start, "end", a.Text("dhcpEnd"))))
		}
		e = e.holds(ip)
	}
	return e.String()
}

// VolumeXML is a volume of that name, size in bytes and format; an empty format
// leaves it to the pool.
func VolumeXML(name string, capacity int64, format string) string {
	e := el("volume").holds(el("name").says(name), el("capacity", "unit", "bytes").says(number(capacity)))
	if format != "" {
		e = e.holds(el("target").holds(el("format", "type", format)))
	}
	return e.String()
}

// SnapshotXML is a snapshot to be taken.
func SnapshotXML(name, description string) string {
	return el("domainsnapshot").holds(el("name").says(name), el("description").says(description)).String()
}

func number(n int64) string { return strconv.FormatInt(n, 10) }
