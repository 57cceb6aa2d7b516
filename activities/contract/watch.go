package contract

import "time"

// WatchMachines is the workflow type, and the beginning of the id, of what watches
// the guests of one libvirt host; a WatchRequest is its input. MachineEvents is its
// activity.
const (
	WatchMachines = "lazaret.libvirt.events"
	MachineEvents = "libvirt.events"
)

// SenderLibvirt is the sender of what happens to guests.
const SenderLibvirt = "@libvirt"

// MachineEventType begins the types of these events: a word such as stopped follows.
const MachineEventType = "dev.lazaret.libvirt.domain."

// WatchRequest says which host to watch.
type WatchRequest struct {
	URI string `json:"uri"`
}

// WatchState is what a watch knows: it is the detail of the activity's heartbeat,
// by which the next attempt finds out what happened in between.
type WatchState struct {
	Seen   bool                  `json:"seen,omitempty"` // guests were listed once
	Lost   time.Time             `json:"lost,omitzero"`  // since when nothing is heard
	Guests map[string]WatchGuest `json:"guests,omitempty"`
	Sent   int                   `json:"sent,omitempty"`   // events so far
	Policy string                `json:"policy,omitempty"` // digest of the policy under which the last was sent
}

// WatchGuest is a guest, by UUID.
type WatchGuest struct {
	Name  string `json:"name"`
	State string `json:"state"`
}
