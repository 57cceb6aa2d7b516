package activities

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/virt"
)

// MachineEvents tells what happens to guests as CloudEvents. The fields are set
// before the first activity.
type MachineEvents struct {
	Watcher virt.Watcher
	// Hosts returns the URIs that may be watched now. It is called from several
	// goroutines, about once a second.
	Hosts func() []string
	// Publish judges events and hands them to the router. The key names the attempt.
	Publish func(ctx context.Context, events []json.RawMessage, key string) error
	// Policy, if set, is the digest of the policy in force.
	Policy func() string
	// Broken, if set, is told when a watch ended and will begin again.
	Broken func(uri string, err error)
}

// Register adds the activity to a worker.
func (m *MachineEvents) Register(r worker.ActivityRegistry) {
	r.RegisterActivityWithOptions(m.Watch, activity.RegisterOptions{Name: contract.MachineEvents})
}

// What bounds a watch.
const (
	watchInbox   = 1024 // happenings that wait to be published
	watchGuests  = 2000 // of a host
	watchPause   = time.Second
	watchLongest = 30 * time.Second
)

// Watch watches one host until it is cancelled, the policy has no events of it any
// more, or the worker stops, and then leaves what it knows to the next attempt. A
// broken connection is made again.
func (m *MachineEvents) Watch(ctx context.Context, request contract.WatchRequest) error {
	if !m.watches(request.URI) {
		return m.unwatched(request.URI)
	}
	w := &machineWatch{MachineEvents: m, uri: request.URI, run: activity.GetInfo(ctx).WorkflowExecution.RunID}
	if activity.HasHeartbeatDetails(ctx) {
		_ = activity.GetHeartbeatDetails(ctx, &w.state) // an unreadable one is none
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() { cancel(m.end(ctx, request.URI)) }()
	for pause := watchPause; ctx.Err() == nil; pause = min(2*pause, watchLongest) {
		begun := time.Now()
		err := w.once(ctx)
		if ctx.Err() != nil {
			break
		}
		if w.state.Lost.IsZero() {
			w.state.Lost = time.Now().UTC()
		}
		if m.Broken != nil {
			m.Broken(request.URI, err)
		}
		if time.Since(begun) > watchLongest {
			pause = watchPause
		}
		w.rest(ctx, pause)
	}
	activity.RecordHeartbeat(ctx, w.state)
	return context.Cause(ctx)
}

func (m *MachineEvents) watches(uri string) bool { return slices.Contains(m.Hosts(), uri) }

func (m *MachineEvents) unwatched(uri string) error {
	return failure(refused(fmt.Sprintf("the policy has no events of %q", uri)))
}

// end returns why a watch must end, when it must.
func (m *MachineEvents) end(ctx context.Context, uri string) error {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-activity.GetWorkerStopChannel(ctx):
			return errWorkerStopped
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if !m.watches(uri) {
				return m.unwatched(uri)
			}
		}
	}
}

// machineWatch is a watch of one host.
type machineWatch struct {
	*MachineEvents
	uri, run string
	state    contract.WatchState
}

// rest beats while it waits.
func (w *machineWatch) rest(ctx context.Context, pause time.Duration) {
	over := time.After(pause)
	ticker := time.NewTicker(heartbeatEvery)
	defer ticker.Stop()
	for {
		activity.RecordHeartbeat(ctx, w.state)
		select {
		case <-ctx.Done():
			return
		case <-over:
			return
		case <-ticker.C:
		}
	}
}

var errTooMany = errors.New("more happens there than can be told")

// once watches over one connection, to its end.
func (w *machineWatch) once(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	inbox, ended := make(chan virt.Happening, watchInbox), make(chan error, 1)
	go func() {
		defer close(ended)
		ended <- w.Watcher.Watch(ctx, w.uri, func(h virt.Happening) {
			select {
			case inbox <- h:
			default:
				cancel(errTooMany) // and begin again with what there is then
			}
		})
	}()
	defer func() {
		cancel(nil)
		for range ended {
		}
	}()
	ticker := time.NewTicker(heartbeatEvery)
	defer ticker.Stop()
	for {
		select {
		case h := <-inbox:
			if err := w.take(ctx, h); err != nil {
				return err
			}
		case err := <-ended:
			return errors.Join(w.takeRest(ctx, inbox), err, context.Cause(ctx))
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
			activity.RecordHeartbeat(ctx, w.state)
		}
	}
}

// takeRest publishes what was told before the connection ended.
func (w *machineWatch) takeRest(ctx context.Context, inbox <-chan virt.Happening) error {
	for ctx.Err() == nil {
		select {
		case h := <-inbox:
			if err := w.take(ctx, h); err != nil {
				return err
			}
		default:
			return nil
		}
	}
	return nil
}

// take publishes what happened, and then knows it.
func (w *machineWatch) take(ctx context.Context, h virt.Happening) error {
	if !h.First {
		if err := w.publish(ctx, h, false); err != nil {
			return err
		}
		note(&w.state, h)
		return nil
	}
	if len(h.Guests) > watchGuests {
		return fmt.Errorf("%d guests, over the limit of %d", len(h.Guests), watchGuests)
	}
	if w.state.Seen {
		for _, m := range missed(w.state.Guests, h.Guests) {
			if err := w.publish(ctx, m, true); err != nil {
				return err
			}
			note(&w.state, m)
		}
	}
	w.state.Seen, w.state.Lost, w.state.Guests = true, time.Time{}, map[string]contract.WatchGuest{}
	for _, g := range h.Guests {
		w.state.Guests[g.UUID] = contract.WatchGuest{Name: g.Name, State: g.State}
	}
	activity.RecordHeartbeat(ctx, w.state)
	return nil
}

// publish sends one event until the router has it, under the same id each time.
func (w *machineWatch) publish(ctx context.Context, h virt.Happening, missed bool) error {
	id := w.id(h)
	event, err := w.event(h, id, missed)
	if err != nil {
		return err
	}
	for {
		if err = w.Publish(ctx, []json.RawMessage{event}, "libvirt/"+id); err == nil {
			w.state.Sent++
			if w.Policy != nil {
				w.state.Policy = w.Policy()
			}
			return nil
		}
		w.rest(ctx, watchPause)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// id names the how manieth event of this watch it is.
func (w *machineWatch) id(h virt.Happening) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%d\x00%s\x00%s\x00%s", w.run, w.uri, w.state.Sent, h.Guest.UUID, h.Event, h.Detail))
	return hex.EncodeToString(sum[:16])
}

func (w *machineWatch) event(h virt.Happening, id string, missed bool) (json.RawMessage, error) {
	data := map[string]any{"name": h.Guest.Name, "uuid": h.Guest.UUID, "event": h.Event, "detail": h.Detail, "missed": missed}
	if missed && !w.state.Lost.IsZero() {
		data["since"] = w.state.Lost.Format(time.RFC3339)
	}
	return json.Marshal(map[string]any{
		"specversion": "1.0", "id": id, "source": w.uri, "type": contract.MachineEventType + h.Event,
		"subject": h.Guest.Name, "time": time.Now().UTC().Format(time.RFC3339Nano),
		"datacontenttype": "application/json", "data": data,
	})
}
