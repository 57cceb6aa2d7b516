package activities

import (
	"maps"
	"slices"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/virt"
)

// stateAfter is where a guest stands after an event.
var stateAfter = map[string]string{
	"started": "running", "resumed": "running", "suspended": "paused", "stopped": "shutoff",
	"pmsuspended": "pmsuspended", "crashed": "crashed",
}

// note keeps where the guest of an event stands now.
func note(s *contract.WatchState, h virt.Happening) {
	if h.Event == "undefined" {
		delete(s.Guests, h.Guest.UUID)
		return
	}
	g, known := s.Guests[h.Guest.UUID]
	if !known {
		g.State = "shutoff"
	}
	g.Name = h.Guest.Name
	if state, ok := stateAfter[h.Event]; ok {
		g.State = state
	}
	s.Guests[h.Guest.UUID] = g
}

// missed is what must have happened between what was known and what there is, as
// far as it can be told: a guest that was off and on again is not seen.
func missed(known map[string]contract.WatchGuest, now []virt.GuestState) []virt.Happening {
	var all []virt.Happening
	add := func(uuid, name, event string) {
		all = append(all, virt.Happening{Guest: virt.GuestState{Name: name, UUID: uuid}, Event: event})
	}
	there := map[string]bool{}
	for _, g := range now {
		there[g.UUID] = true
		before, ok := known[g.UUID]
		if !ok {
			before.State = "shutoff"
			add(g.UUID, g.Name, "defined")
		}
		if event := change(before.State, g.State); event != "" {
			add(g.UUID, g.Name, event)
		}
	}
	for _, uuid := range slices.Sorted(maps.Keys(known)) {
		if there[uuid] {
			continue
		}
		if event := change(known[uuid].State, "shutoff"); event != "" {
			add(uuid, known[uuid].Name, event)
		}
		add(uuid, known[uuid].Name, "undefined")
	}
	return all
}

// change is the event that leads from a state to another; "" for none.
func change(from, to string) string {
	awake := func(state string) bool { return state == "running" || state == "blocked" || state == "shutdown" }
	switch {
	case from == to || awake(from) && awake(to):
		return ""
	case awake(to) && (from == "paused" || from == "pmsuspended"):
		return "resumed"
	case awake(to):
		return "started"
	case to == "paused":
		return "suspended"
	case to == "shutoff":
		return "stopped"
	case to == "crashed" || to == "pmsuspended":
		return to
	}
	return ""
}
