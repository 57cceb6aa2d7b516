package virt

// Host is a machine that runs guests.
type Host struct {
	Hostname          string `json:"hostname"`
	URI               string `json:"uri"`
	Hypervisor        string `json:"hypervisor"`
	HypervisorVersion string `json:"hypervisorVersion"`
	LibvirtVersion    string `json:"libvirtVersion"`
	CPUModel          string `json:"cpuModel"`
	CPUs              uint   `json:"cpus"`
	Cores             uint   `json:"cores"`
	Threads           uint   `json:"threads"`
	Sockets           uint   `json:"sockets"`
	MHz               uint   `json:"mhz"`
	NUMANodes         uint   `json:"numaNodes"`
	Memory            uint64 `json:"memory" text:"MiB"`
	MemoryFree        uint64 `json:"memoryFree" text:"MiB"`
}

// HostMemory is a host's memory.
type HostMemory struct {
	Total uint64 `json:"total" text:"MiB"`
	Free  uint64 `json:"free" text:"MiB"`
}

// HostCPU is a host's processors.
type HostCPU struct {
	Online  int    `json:"online"`
	Present int    `json:"present"`
	Kernel  uint64 `json:"kernel" text:"ns"`
	User    uint64 `json:"user" text:"ns"`
	Idle    uint64 `json:"idle" text:"ns"`
	IOWait  uint64 `json:"iowait" text:"ns"`
}

// NetworkList is what network.list returns.
type NetworkList struct {
	Networks []Network `json:"networks" text:"by name"`
}

// Network is a network of guests.
type Network struct {
	Name       string `json:"name"`
	UUID       string `json:"uuid"`
	Active     bool   `json:"active"`
	Bridge     string `json:"bridge"`
	Autostart  bool   `json:"autostart"`
	Persistent bool   `json:"persistent"`
}

// NetworkChange says what became of a network.
type NetworkChange struct {
	Name    string `json:"name"`
	UUID    string `json:"uuid"`
	Active  bool   `json:"active"`
	Changed bool   `json:"changed"`
}

// LeaseList is what network.leases returns.
type LeaseList struct {
	Leases []Lease `json:"leases"`
}

// Lease is an address that a network has given out.
type Lease struct {
	MAC      string `json:"mac"`
	Address  string `json:"address"`
	Hostname string `json:"hostname"`
	Expires  int64  `json:"expires" text:"seconds since 1970"`
}

// PoolList is what storage.list returns.
type PoolList struct {
	Pools []Pool `json:"pools" text:"by name"`
}

// Pool is a place for volumes.
type Pool struct {
	Name       string `json:"name"`
	UUID       string `json:"uuid"`
	State      string `json:"state" text:"inactive, building, running, degraded, inaccessible"`
	Capacity   uint64 `json:"capacity" text:"bytes"`
	Allocation uint64 `json:"allocation" text:"bytes"`
	Available  uint64 `json:"available" text:"bytes"`
	Autostart  bool   `json:"autostart"`
	Persistent bool   `json:"persistent"`
}

// PoolChange says what became of a pool.
type PoolChange struct {
	Name    string `json:"name"`
	UUID    string `json:"uuid"`
	State   string `json:"state"`
	Changed bool   `json:"changed"`
}

// VolumeList is what volume.list returns.
type VolumeList struct {
	Volumes []Volume `json:"volumes" text:"by name"`
}

// Volume is a disk image in a pool.
type Volume struct {
	Name       string `json:"name"`
	Capacity   uint64 `json:"capacity" text:"bytes"`
	Allocation uint64 `json:"allocation" text:"bytes"`
}

// VolumeChange says what became of a volume.
type VolumeChange struct {
	Pool     string `json:"pool"`
	Volume   string `json:"volume"`
	Capacity uint64 `json:"capacity" text:"bytes"`
	Changed  bool   `json:"changed"`
}

// Blob is bytes of a volume.
type Blob struct {
	Data   string `json:"data" text:"base64"`
	Length int    `json:"length" text:"bytes"`
}
