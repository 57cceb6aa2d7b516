package virt

var hosts = []Operation{
	{Name: "host.info", Text: "Tells the host's name, hypervisor, processors, memory.", Danger: Harmless, Default: true, Result: Host{}},
	{Name: "host.capabilities", Text: "Returns what the host can run, as libvirt's XML.", Danger: Harmless, Result: Document{}},
	{Name: "host.memory", Text: "Tells how much memory the host has and has left.", Danger: Harmless, Result: HostMemory{}},
	{Name: "host.cpu", Text: "Tells the host's processors and what they have done.", Danger: Harmless, Result: HostCPU{}},
}

var networks = []Operation{
	{Name: "network.list", Text: "Lists networks.", Danger: Harmless, Default: true, Result: NetworkList{}},
	{Name: "network.info", Text: "Tells a network's state and bridge.", Danger: Harmless, Parameters: []Parameter{network}, Result: Network{}},
	{Name: "network.leases", Text: "Lists the addresses that a network has given out.", Danger: Harmless, Parameters: []Parameter{network}, Result: LeaseList{}},
	{
		Name: "network.define", Text: "Defines a network that is not started yet.", Changes: true, Danger: Dangerous,
		Rules: aNetwork, Parameters: []Parameter{
			network, uuid,
			{Name: "forward", Kind: Choice, Default: "none", Values: []string{"none", "nat"}, Text: "none: guests reach each other; nat: the outside too"},
			{Name: "bridge", Kind: Name, Max: 15, Text: "the bridge's name; by default libvirt's choice"},
			{Name: "address", Kind: Text, Max: 15, Text: "the host's IPv4 address in it"},
			{Name: "prefix", Kind: Integer, Default: int64(24), Min: 8, Max: 30, Text: "the length of the address's prefix"},
			{Name: "dhcpStart", Kind: Text, Max: 15, Text: "the first address to give out; none: no DHCP"},
			{Name: "dhcpEnd", Kind: Text, Max: 15, Text: "the last address to give out"},
		},
		Result: NetworkChange{},
	},
	{Name: "network.start", Text: "Starts a network.", Changes: true, Danger: Disruptive, Parameters: []Parameter{network}, Result: NetworkChange{}},
	{Name: "network.stop", Text: "Stops a network; guests on it lose it.", Changes: true, Danger: Disruptive, Parameters: []Parameter{network}, Result: NetworkChange{}},
	{Name: "network.delete", Text: "Deletes a network that is stopped.", Changes: true, Danger: Dangerous, Parameters: []Parameter{network}, Result: NetworkChange{}},
}

var storage = []Operation{
	{Name: "storage.list", Text: "Lists storage pools.", Danger: Harmless, Default: true, Result: PoolList{}},
	{Name: "storage.info", Text: "Tells a storage pool's state and sizes.", Danger: Harmless, Parameters: []Parameter{pool}, Result: Pool{}},
	{Name: "storage.refresh", Text: "Makes libvirt look at a storage pool again.", Changes: true, Danger: Disruptive, Parameters: []Parameter{pool}, Result: PoolChange{}},
}

var volumes = []Operation{
	{Name: "volume.list", Text: "Lists the volumes of a pool.", Danger: Harmless, Parameters: []Parameter{pool}, Result: VolumeList{}},
	{
		Name: "volume.create", Text: "Makes an empty volume.", Changes: true, Danger: Dangerous,
		Parameters: []Parameter{pool, volume, capacity, format}, Result: VolumeChange{},
	},
	{
		Name: "volume.clone", Text: "Copies a volume within its pool or from another.", Changes: true, Danger: Dangerous, Waits: true,
		Parameters: []Parameter{
			pool, volume,
			required(Parameter{Name: "from", Kind: Name, Text: "the volume to copy"}),
			{Name: "fromPool", Kind: Name, Text: "the pool of that volume; by default the same"},
			{Name: "capacity", Kind: Integer, Min: 1, Max: maxStorage, Text: "size in bytes; by default the original's"},
			deadline(600),
		},
		Result: VolumeChange{},
	},
	{Name: "volume.resize", Text: "Makes a volume larger.", Changes: true, Danger: Dangerous, Parameters: []Parameter{pool, volume, capacity}, Result: VolumeChange{}},
	{Name: "volume.delete", Text: "Deletes a volume and what is on it.", Changes: true, Danger: Dangerous, Parameters: []Parameter{pool, volume}, Result: VolumeChange{}},
	{
		Name: "volume.upload", Text: "Writes bytes into a volume.", Changes: true, Danger: Dangerous, Waits: true,
		Parameters: []Parameter{
			pool, volume,
			required(Parameter{Name: "data", Kind: Data, Max: MaxData, Text: "the bytes, as base64"}),
			{Name: "offset", Kind: Integer, Default: int64(0), Min: 0, Max: maxStorage, Text: "where in the volume to begin"},
			deadline(60),
		},
		Result: VolumeChange{},
	},
	{
		Name: "volume.download", Text: "Reads bytes of a volume.", Danger: Sensitive, Privileged: true, Waits: true,
		Parameters: []Parameter{
			pool, volume,
			{Name: "offset", Kind: Integer, Default: int64(0), Min: 0, Max: maxStorage, Text: "where in the volume to begin"},
			{Name: "length", Kind: Integer, Default: int64(64 << 10), Min: 1, Max: MaxData, Text: "how many bytes"},
			deadline(60),
		},
		Result: Blob{},
	},
}
