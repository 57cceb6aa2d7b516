package virt

import "context"

// Happening is what a Watcher tells: first which guests there are, then what
// happens to them.
type Happening struct {
	Guests []GuestState `json:"guests,omitempty"` // all of them; in the first alone
	First  bool         `json:"first,omitempty"`
	Guest  GuestState   `json:"guest"`
	// Event is what happened to the guest, and Detail how: see lifecycles.
	Event  string `json:"event,omitempty"`
	Detail string `json:"detail,omitempty"`
}

// GuestState is where a guest stands.
type GuestState struct {
	Name  string `json:"name"`
	UUID  string `json:"uuid"`
	State string `json:"state"`
}

// Watcher tells what happens to the guests of a URI until its context ends or the
// connection breaks. tell must not block.
type Watcher interface {
	Watch(ctx context.Context, uri string, tell func(Happening)) error
}

// lifecycles are the events of a guest by libvirt's number, with their details
// (libvirt-domain.h, virDomainEventType).
var lifecycles = []struct {
	event   string
	details []string
}{
	{"defined", []string{"added", "updated", "renamed", "from-snapshot"}},
	{"undefined", []string{"removed", "renamed"}},
	{"started", []string{"booted", "migrated", "restored", "from-snapshot", "wakeup"}},
	{"suspended", []string{"paused", "migrated", "io-error", "watchdog", "restored", "from-snapshot", "api-error", "postcopy", "postcopy-failed"}},
	{"resumed", []string{"unpaused", "migrated", "from-snapshot", "postcopy", "postcopy-failed"}},
	{"stopped", []string{"shutdown", "destroyed", "crashed", "migrated", "saved", "failed", "from-snapshot"}},
	{"shutdown", []string{"finished", "guest", "host"}},
	{"pmsuspended", []string{"memory", "disk"}},
	{"crashed", []string{"panicked", "crashloaded"}},
}

// Lifecycle names an event and its detail by libvirt's numbers; what is not known
// has no name.
func Lifecycle(event, detail int) (string, string) {
	if event < 0 || event >= len(lifecycles) {
		return "", ""
	}
	l := lifecycles[event]
	if detail < 0 || detail >= len(l.details) {
		return l.event, ""
	}
	return l.event, l.details[detail]
}
