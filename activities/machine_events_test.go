package activities

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/virt"
)

// What happened unseen is told by what there is before and after.
func TestMissed(t *testing.T) {
	guest := func(state string) map[string]contract.WatchGuest {
		return map[string]contract.WatchGuest{"u": {Name: "web-1", State: state}}
	}
	for name, c := range map[string]struct {
		before map[string]contract.WatchGuest
		now    string // "" when it is gone
		want   []string
	}{
		"nothing":           {guest("running"), "running", nil},
		"idle":              {guest("running"), "blocked", nil},
		"off":               {guest("running"), "shutoff", []string{"stopped"}},
		"on":                {guest("shutoff"), "running", []string{"started"}},
		"paused":            {guest("running"), "paused", []string{"suspended"}},
		"on again":          {guest("paused"), "running", []string{"resumed"}},
		"crashed":           {guest("running"), "crashed", []string{"crashed"}},
		"asleep":            {guest("running"), "pmsuspended", []string{"pmsuspended"}},
		"gone":              {guest("shutoff"), "", []string{"undefined"}},
		"gone while it ran": {guest("running"), "", []string{"stopped", "undefined"}},
		"new":               {nil, "shutoff", []string{"defined"}},
		"new, and runs":     {nil, "running", []string{"defined", "started"}},
	} {
		t.Run(name, func(t *testing.T) {
			var now []virt.GuestState
			if c.now != "" {
				now = append(now, virt.GuestState{Name: "web-1", UUID: "u", State: c.now})
			}
			state := contract.WatchState{Guests: map[string]contract.WatchGuest{}}
			maps.Copy(state.Guests, c.before)
			var events []string
			for _, h := range missed(c.before, now) {
				require.Equal(t, virt.GuestState{Name: "web-1", UUID: "u"}, h.Guest)
				events = append(events, h.Event)
				note(&state, h)
			}
			require.Equal(t, c.want, events)
			require.Empty(t, missed(state.Guests, now), "told once")
		})
	}
}

// scripted is a host that tells a list of happenings over each connection, which
// then breaks.
type scripted struct {
	connections [][]virt.Happening
	over        context.CancelFunc
}

func (s *scripted) Watch(ctx context.Context, _ string, tell func(virt.Happening)) error {
	if len(s.connections) == 0 {
		s.over()
		<-ctx.Done()
		return ctx.Err()
	}
	for _, h := range s.connections[0] {
		tell(h)
	}
	s.connections = s.connections[1:]
	return errors.New("the connection broke")
}

func web(state string) virt.Happening {
	return virt.Happening{First: true, Guests: []virt.GuestState{{Name: "web-1", UUID: "u", State: state}}}
}

func happens(event, detail string) virt.Happening {
	return virt.Happening{Guest: virt.GuestState{Name: "web-1", UUID: "u"}, Event: event, Detail: detail}
}

// watchEvents runs the activity against a scripted host until the script is over.
func watchEvents(t *testing.T, before *contract.WatchState, connections ...[]virt.Happening) []map[string]any {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var mu sync.Mutex
	var events []map[string]any
	failed := false
	m := &MachineEvents{
		Watcher: &scripted{connections, cancel}, Hosts: func() []string { return []string{"test:///default"} },
		Publish: func(_ context.Context, texts []json.RawMessage, key string) error {
			mu.Lock()
			defer mu.Unlock()
			var event map[string]any
			require.NoError(t, json.Unmarshal(texts[0], &event))
			require.Equal(t, "libvirt/"+event["id"].(string), key)
			events = append(events, event)
			if len(events) == 1 && !failed {
				failed = true
				return errors.New("no router yet")
			}
			return nil
		},
	}
	env := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
	env.SetWorkerOptions(worker.Options{BackgroundActivityContext: ctx})
	if before != nil {
		env.SetHeartbeatDetails(*before)
	}
	env.RegisterActivity(m.Watch)
	_, err := env.ExecuteActivity(m.Watch, contract.WatchRequest{URI: "test:///default"})
	require.Error(t, err)
	return events
}

// What happens is told in order, under the same id until the router has it; what
// happened while the connection was broken is told by what there is after.
func TestMachineEvents(t *testing.T) {
	events := watchEvents(t, nil,
		[]virt.Happening{web("running"), happens("suspended", "paused")},
		[]virt.Happening{web("shutoff"), happens("started", "booted")},
	)
	var told []string
	for _, e := range events {
		data := e["data"].(map[string]any)
		word := e["type"].(string)[len(contract.MachineEventType):]
		if data["missed"] == true {
			word += " missed"
			require.NotEmpty(t, data["since"])
		}
		told = append(told, word)
		require.Equal(t, "web-1", e["subject"])
		require.Equal(t, "test:///default", e["source"])
		require.Equal(t, "u", data["uuid"])
	}
	require.Equal(t, []string{"suspended", "suspended", "stopped missed", "started"}, told)
	require.Equal(t, events[0]["id"], events[1]["id"], "asked for again")
	require.NotEqual(t, events[1]["id"], events[2]["id"])
}

// A worker that takes a watch over knows from its heartbeat what it was.
func TestMachineEvents_TakesOver(t *testing.T) {
	events := watchEvents(t, &contract.WatchState{Seen: true, Sent: 7, Guests: map[string]contract.WatchGuest{"u": {Name: "web-1", State: "running"}}},
		[]virt.Happening{web("shutoff")})
	require.Equal(t, contract.MachineEventType+"stopped", events[0]["type"])
	require.Equal(t, true, events[0]["data"].(map[string]any)["missed"])
}

// A host that the policy does not have is not watched.
func TestMachineEvents_Refused(t *testing.T) {
	env := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
	m := &MachineEvents{Hosts: func() []string { return nil }}
	env.RegisterActivity(m.Watch)
	_, err := env.ExecuteActivity(m.Watch, contract.WatchRequest{URI: "qemu:///system"})
	require.ErrorContains(t, err, `the policy has no events of "qemu:///system"`)
}
