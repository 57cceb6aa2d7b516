package virt

import "slices"

// domainReads tell of guests and change nothing.
var domainReads = []Operation{
	{
		Name: "domain.list", Text: "Lists guests.", Danger: Harmless, Default: true,
		Parameters: []Parameter{
			{Name: "state", Kind: Choice, Default: "all", Values: []string{"all", "active", "inactive", "running", "paused", "shutoff"}, Text: "only guests in this state"},
		},
		Result: DomainList{},
	},
	{Name: "domain.info", Text: "Tells a guest's state, memory, processors.", Danger: Harmless, Default: true, Rules: aGuest, Parameters: guest, Result: Domain{}},
	{Name: "domain.state", Text: "Tells a guest's state and the reason for it.", Danger: Harmless, Rules: aGuest, Parameters: guest, Result: DomainState{}},
	{Name: "domain.stats", Text: "Tells what a guest uses of processor, memory, disks and networks.", Danger: Harmless, Default: true, Rules: aGuest, Parameters: guest, Result: DomainStats{}},
	{
		Name: "domain.wait", Text: "Waits until a guest is in a state.", Danger: Harmless, Waits: true,
		Rules: aGuest, Parameters: with(
			required(Parameter{Name: "state", Kind: Choice, Values: []string{"running", "paused", "shutoff"}, Text: "the state to wait for"}),
			deadline(60),
		),
		Result: DomainState{},
	},
	{
		Name: "domain.getxml", Text: "Returns a guest's XML, without its secrets.", Danger: Sensitive,
		Rules: aGuest, Parameters: with(Parameter{Name: "inactive", Kind: Boolean, Default: false, Text: "what it starts with next time, not what runs"}),
		Result: Document{},
	},
	{
		Name: "domain.screenshot", Text: "Takes a picture of a guest's screen.", Danger: Sensitive, Privileged: true,
		Rules: aGuest, Parameters: with(Parameter{Name: "screen", Kind: Integer, Default: int64(0), Min: 0, Max: 15, Text: "the number of the screen"}),
		Result: Picture{},
	},
	{
		Name: "domain.console-log", Text: "Reads what a guest writes on its serial console for a while.", Danger: Sensitive, Privileged: true, Waits: true,
		Rules: aGuest, Parameters: with(
			Parameter{Name: "until", Kind: Text, Max: 256, Text: "stop as soon as this text appears"},
			Parameter{Name: "bytes", Kind: Integer, Default: int64(64 << 10), Min: 1, Max: 512 << 10, Text: "stop after so many bytes"},
			deadline(10),
		),
		Result: Console{},
	},
	{Name: "domain.guest-info", Text: "Asks the guest agent for the operating system, host name and users.", Danger: Sensitive, Privileged: true, Rules: aGuest, Parameters: guest, Result: GuestInfo{}},
}

// domainPower changes whether a guest runs.
var domainPower = []Operation{
	{
		Name: "domain.start", Text: "Starts a guest; one that runs already is left alone.", Changes: true, Danger: Disruptive,
		Rules: aGuest, Parameters: with(Parameter{Name: "paused", Kind: Boolean, Default: false, Text: "start it without letting it run"}),
		Result: DomainChange{},
	},
	{
		Name: "domain.stop", Text: "Asks a guest to shut down and waits, or switches it off.", Changes: true, Danger: Disruptive, Waits: true,
		Rules: aGuest, Parameters: with(
			Parameter{Name: "mode", Kind: Choice, Default: "graceful", Values: []string{"graceful", "force", "graceful-then-force"}, Text: "ask it, switch it off, or both in turn"},
			deadline(60),
		),
		Result: DomainChange{},
	},
	{Name: "domain.reboot", Text: "Asks a guest to reboot.", Changes: true, Danger: Disruptive, Rules: aGuest, Parameters: guest, Result: DomainChange{}},
	{Name: "domain.reset", Text: "Presses a guest's reset button.", Changes: true, Danger: Disruptive, Rules: aGuest, Parameters: guest, Result: DomainChange{}},
	{Name: "domain.suspend", Text: "Pauses a guest; it keeps its memory.", Changes: true, Danger: Disruptive, Rules: aGuest, Parameters: guest, Result: DomainChange{}},
	{Name: "domain.resume", Text: "Lets a paused guest run again.", Changes: true, Danger: Disruptive, Rules: aGuest, Parameters: guest, Result: DomainChange{}},
	{Name: "domain.save", Text: "Saves a guest's memory on the host and switches it off.", Changes: true, Danger: Disruptive, Waits: true, Rules: aGuest, Parameters: with(deadline(300)), Result: DomainChange{}},
	{Name: "domain.restore", Text: "Starts a guest from its saved memory.", Changes: true, Danger: Disruptive, Waits: true, Rules: aGuest, Parameters: with(deadline(300)), Result: DomainChange{}},
}

// domainDefinitions make and unmake guests.
var domainDefinitions = []Operation{
	{Name: "domain.define", Text: "Defines a guest that does not run yet.", Changes: true, Danger: Dangerous, Rules: aMachine, Parameters: machine, Result: DomainChange{}},
	{
		Name: "domain.create", Text: "Defines a guest and starts it.", Changes: true, Danger: Dangerous,
		Rules: aMachine, Parameters: append(slices.Clip(machine),
			Parameter{Name: "ephemeral", Kind: Boolean, Default: false, Text: "forget the guest once it is off"}),
		Result: DomainChange{},
	},
	{
		Name: "domain.delete", Text: "Deletes a guest's definition, with its saved memory and snapshots.", Changes: true, Danger: Dangerous,
		Rules: aGuest, Parameters: with(
			Parameter{Name: "force", Kind: Boolean, Default: false, Text: "switch it off first"},
			Parameter{Name: "storage", Kind: Boolean, Default: false, Text: "delete the volumes of its disks too, each through its pool"},
		),
		Result: DomainDeletion{},
	},
	{
		Name: "domain.rename", Text: "Gives a guest that is off another name.", Changes: true, Danger: Dangerous,
		Rules: aGuest, Parameters: with(required(Parameter{Name: "to", Kind: Name, Text: "the new name"})), Result: DomainChange{},
	},
	{
		Name: "domain.migrate", Text: "Moves a guest to another host.", Changes: true, Danger: Dangerous, Waits: true,
		Rules: aGuest, Parameters: with(
			required(Parameter{Name: "destination", Kind: URI, Text: "the other host, which the policy must list too"}),
			Parameter{Name: "online", Kind: Boolean, Default: true, Text: "move it while it runs"},
			Parameter{Name: "undefine", Kind: Boolean, Default: true, Text: "forget it here afterwards"},
			deadline(600),
		),
		Result: DomainChange{},
	},
}

// machine describes a guest to be made.
var machine = []Parameter{
	{Name: "name", Kind: Name, Text: "the guest's name"},
	uuid,
	memory, vcpus,
	{Name: "arch", Kind: Choice, Default: "x86_64", Values: []string{"x86_64", "i686", "aarch64"}, Text: "the processor's architecture"},
	{Name: "type", Kind: Choice, Default: "kvm", Values: []string{"kvm", "qemu", "test"}, Text: "how it is virtualised; qemu emulates, test is libvirt's test driver"},
	{Name: "machine", Kind: Choice, Values: []string{"q35", "pc", "virt", "microvm"}, Text: "the kind of machine; by default the host's choice"},
	{Name: "boot", Kind: Choice, Default: "hd", Values: []string{"hd", "cdrom", "network"}, Text: "what it starts from"},
	{
		Name: "disks", Kind: List, Max: 16, Text: "its disks",
		Items: &Parameter{Kind: Object, Fields: diskFields},
	},
	{
		Name: "interfaces", Kind: List, Max: 16, Text: "its network interfaces",
		Items: &Parameter{Kind: Object, Fields: interfaceFields},
	},
	{Name: "agent", Kind: Boolean, Default: false, Text: "a channel for the guest agent"},
	{Name: "video", Kind: Choice, Values: []string{"vga", "virtio"}, Text: "a screen, of which domain.screenshot takes a picture; by default none"},
	{Name: "ports", Kind: Integer, Default: int64(0), Min: 0, Max: 16, Text: "spare ports for disks and interfaces to be attached later; of a q35 or virt machine"},
	{Name: "xml", Kind: XML, Text: "the whole definition instead of the above, held against an allow-list"},
}

// domainSettings change a number or a switch.
var domainSettings = []Operation{
	{
		Name: "domain.autostart", Text: "Says whether a guest starts with its host.", Changes: true, Danger: Disruptive,
		Rules: aGuest, Parameters: with(Parameter{Name: "enabled", Kind: Boolean, Default: true, Text: "whether it does"}), Result: DomainChange{},
	},
	{
		Name: "domain.set-memory", Text: "Sets a guest's memory.", Changes: true, Danger: Disruptive,
		Rules: aGuest, Parameters: with(required(memory),
			Parameter{Name: "maximum", Kind: Boolean, Default: false, Text: "set the most it can have, from its next start"}, live, config),
		Result: DomainChange{},
	},
	{
		Name: "domain.set-vcpus", Text: "Sets a guest's processors.", Changes: true, Danger: Disruptive,
		Rules: aGuest, Parameters: with(required(vcpus),
			Parameter{Name: "maximum", Kind: Boolean, Default: false, Text: "set the most it can have, from its next start"}, live, config),
		Result: DomainChange{},
	},
	{
		Name: "domain.block-resize", Text: "Sets the size of a running guest's disk.", Changes: true, Danger: Dangerous,
		Rules: aGuest, Parameters: with(required(target), capacity), Result: DomainChange{},
	},
}
