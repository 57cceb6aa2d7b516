package virt

// The results of operations. Their text tags are the documentation's.

// DomainList is what domain.list returns.
type DomainList struct {
	Domains []Domain `json:"domains" text:"by name"`
}

// Domain is a guest.
type Domain struct {
	Name       string `json:"name"`
	UUID       string `json:"uuid"`
	ID         int    `json:"id,omitempty" text:"while it runs"`
	State      string `json:"state" text:"nostate, running, blocked, paused, shutdown, shutoff, crashed, pmsuspended"`
	MaxMemory  uint64 `json:"maxMemory" text:"MiB"`
	Memory     uint64 `json:"memory" text:"MiB"`
	VCPUs      uint   `json:"vcpus"`
	CPUTime    uint64 `json:"cpuTime" text:"ns"`
	Autostart  bool   `json:"autostart"`
	Persistent bool   `json:"persistent"`
}

// DomainState is where a guest stands.
type DomainState struct {
	Name   string `json:"name"`
	UUID   string `json:"uuid"`
	State  string `json:"state"`
	Reason int    `json:"reason" text:"libvirt's number for why"`
}

// DomainStats is what a guest uses.
type DomainStats struct {
	Name      string           `json:"name"`
	UUID      string           `json:"uuid"`
	State     string           `json:"state"`
	CPUTime   uint64           `json:"cpuTime" text:"ns"`
	CPUUser   uint64           `json:"cpuUser" text:"ns"`
	CPUSystem uint64           `json:"cpuSystem" text:"ns"`
	Memory    map[string]int64 `json:"memory" text:"KiB, by what it is: actual, unused, available, usable, rss …"`
	Disks     []DiskStats      `json:"disks"`
	Networks  []NetStats       `json:"networks"`
}

// DiskStats counts what one disk has carried.
type DiskStats struct {
	Target     string `json:"target"`
	ReadBytes  int64  `json:"readBytes"`
	ReadOps    int64  `json:"readOps"`
	WriteBytes int64  `json:"writeBytes"`
	WriteOps   int64  `json:"writeOps"`
}

// NetStats counts what one interface has carried.
type NetStats struct {
	Device    string `json:"device"`
	RxBytes   int64  `json:"rxBytes"`
	RxPackets int64  `json:"rxPackets"`
	TxBytes   int64  `json:"txBytes"`
	TxPackets int64  `json:"txPackets"`
}

// DomainChange says what became of a guest.
type DomainChange struct {
	Name    string `json:"name"`
	UUID    string `json:"uuid"`
	State   string `json:"state"`
	Changed bool   `json:"changed" text:"false where it was so already"`
}

// DomainDeletion says what was deleted.
type DomainDeletion struct {
	Name    string   `json:"name"`
	UUID    string   `json:"uuid"`
	Changed bool     `json:"changed"`
	Volumes []string `json:"volumes" text:"pool/volume of each deleted one"`
	Kept    []string `json:"kept" text:"disks that belong to no pool, and were left alone"`
}

// Document is a text of libvirt's.
type Document struct {
	XML string `json:"xml"`
}

// Picture is an image.
type Picture struct {
	Type string `json:"type" text:"its media type"`
	Data string `json:"data" text:"base64"`
}

// Console is what was read of a console.
type Console struct {
	Text    string `json:"text" text:"printable, at most as many bytes as asked"`
	Matched bool   `json:"matched" text:"whether the text waited for appeared"`
}

// GuestInfo is what a guest agent says: the guest's own words.
type GuestInfo struct {
	Hostname string   `json:"hostname"`
	OS       string   `json:"os"`
	Kernel   string   `json:"kernel"`
	Timezone string   `json:"timezone"`
	Users    []string `json:"users"`
}

// SnapshotList is what snapshot.list returns.
type SnapshotList struct {
	Snapshots []Snapshot `json:"snapshots" text:"oldest first"`
}

// Snapshot is a state of a guest that can be returned to.
type Snapshot struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	State       string `json:"state" text:"of the guest at the time"`
	Created     int64  `json:"created" text:"seconds since 1970"`
	Parent      string `json:"parent"`
	Current     bool   `json:"current"`
}

// SnapshotChange says what became of a snapshot.
type SnapshotChange struct {
	Name     string `json:"name"`
	UUID     string `json:"uuid"`
	State    string `json:"state"`
	Snapshot string `json:"snapshot"`
	Changed  bool   `json:"changed"`
}
