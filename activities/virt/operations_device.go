package virt

var target = Parameter{Name: "target", Kind: Name, Max: 16, Text: "the disk's name in the guest, such as vdb"}

// diskFields describe a disk: a volume of a pool, never a path.
var diskFields = []Parameter{
	required(pool), required(volume), target,
	{Name: "bus", Kind: Choice, Default: "virtio", Values: []string{"virtio", "scsi", "sata", "ide", "usb"}, Text: "what it is attached to"},
	{Name: "device", Kind: Choice, Default: "disk", Values: []string{"disk", "cdrom"}, Text: "a disk, or a CD in a drive"},
	format,
	{Name: "readonly", Kind: Boolean, Default: false, Text: "the guest cannot write to it"},
}

// interfaceFields describe a network interface: on a libvirt network.
var interfaceFields = []Parameter{
	required(Parameter{Name: "network", Kind: Name, Text: "the libvirt network"}),
	{Name: "model", Kind: Choice, Default: "virtio", Values: []string{"virtio", "e1000", "e1000e", "rtl8139"}, Text: "the card that the guest sees"},
	{Name: "mac", Kind: Text, Max: 17, Text: "its address, such as 52:54:00:12:34:56"},
}

// device is what attach, detach and update-device work on: one of the three.
var device = []Parameter{
	{Name: "disk", Kind: Object, Fields: diskFields, Text: "a disk"},
	{Name: "interface", Kind: Object, Fields: interfaceFields, Text: "a network interface"},
	{Name: "xml", Kind: XML, Text: "the device as XML, held against an allow-list"},
	live, config,
}

var domainDevices = []Operation{
	{Name: "domain.attach", Text: "Attaches a disk or an interface.", Changes: true, Danger: Dangerous, Rules: aDevice, Parameters: with(device...), Result: DomainChange{}},
	{
		Name: "domain.detach", Text: "Detaches a disk or an interface, and waits until the guest has let go of it.", Changes: true, Danger: Dangerous, Waits: true,
		Rules: aDetachment, Parameters: with(
			Parameter{Name: "target", Kind: Name, Max: 16, Text: "the disk's name in the guest, such as vdb"},
			Parameter{Name: "mac", Kind: Text, Max: 17, Text: "the interface's address"},
			live, config, deadline(30),
		),
		Result: DomainChange{},
	},
	{Name: "domain.update-device", Text: "Changes an attached device, such as the CD in a drive.", Changes: true, Danger: Dangerous, Rules: aDevice, Parameters: with(device...), Result: DomainChange{}},
}

var snapshots = []Operation{
	{
		Name: "snapshot.create", Text: "Takes a snapshot of a guest's disks, and of its memory if it runs.", Changes: true, Danger: Disruptive, Waits: true,
		Rules: aGuest, Parameters: with(
			Parameter{Name: "snapshot", Kind: Name, Text: "the snapshot's name; by default one made from the request"},
			Parameter{Name: "description", Kind: Text, Max: MaxText, Text: "what it is for"},
			Parameter{Name: "diskOnly", Kind: Boolean, Default: false, Text: "leave the memory out"},
			deadline(300),
		),
		Result: SnapshotChange{},
	},
	{Name: "snapshot.list", Text: "Lists a guest's snapshots, oldest first.", Danger: Harmless, Rules: aGuest, Parameters: guest, Result: SnapshotList{}},
	{
		Name: "snapshot.revert", Text: "Puts a guest back to a snapshot; what came after is lost.", Changes: true, Danger: Dangerous, Waits: true,
		Rules: aGuest, Parameters: with(snapshot, deadline(300)), Result: SnapshotChange{},
	},
	{
		Name: "snapshot.delete", Text: "Deletes a snapshot; the guest stays as it is.", Changes: true, Danger: Dangerous, Waits: true,
		Rules: aGuest, Parameters: with(snapshot, deadline(300)), Result: SnapshotChange{},
	},
}
