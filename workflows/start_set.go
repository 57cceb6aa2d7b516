package workflows

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/expression"
)

// eventSet is the events of one start, as far as they have come.
type eventSet struct {
	Hearing hearing  `json:"hearing"`
	Keys    []string `json:"keys"` // of the events, in order
	Bytes   int      `json:"bytes"`
}

// Bounds of the sets that are not complete: the oldest is given up for a new one.
const (
	maxSets      = 1000
	maxSetsBytes = 512 << 10
	maxRecent    = 10 // starts that are shown
)

// look puts an event into the oldest set that lacks it, or begins one with it,
// and starts an execution once the set is complete.
func (s *starts) look(ctx workflow.Context, w *waiting) (bool, error) {
	fresh := &eventSet{}
	for _, set := range append(append([]*eventSet(nil), s.state.Sets...), fresh) {
		k := taker{body: s.def.StartOn, state: &set.Hearing, reference: scheduleReference, env: s.env}
		taken, err := k.take(ctx, w.Event)
		if err != nil {
			s.state.Error = asFault(err).Error() // an event must not end the schedule
			return false, nil
		}
		if !taken {
			continue
		}
		if set == fresh {
			s.state.Sets = append(s.state.Sets, set)
		}
		set.Keys, set.Bytes = append(set.Keys, keyOf(w.Event)), set.Bytes+w.Bytes
		if set.Hearing.Over {
			s.remove(set)
			return true, s.start(ctx, set)
		}
		s.bound(ctx)
		return true, nil
	}
	return false, nil
}

// keyOf identifies an event by its sender, source and id.
func keyOf(event map[string]any) string {
	text := func(name string) string {
		value, _ := event[name].(string)
		return value
	}
	return eventKey(contract.Envelope{Source: text("source"), ID: text("id"), Sender: contract.Sender{Identity: text(senderAttribute)}})
}

// senderAttribute is what workers write the sender into.
const senderAttribute = "lazaretsender"

func (s *starts) remove(set *eventSet) {
	for i, other := range s.state.Sets {
		if other == set {
			s.state.Sets = append(s.state.Sets[:i:i], s.state.Sets[i+1:]...)
			return
		}
	}
}

// bound gives up the oldest sets where there are too many.
func (s *starts) bound(ctx workflow.Context) {
	size := 0
	for _, set := range s.state.Sets {
		size += set.Bytes
	}
	over := 0
	for over < len(s.state.Sets) && (len(s.state.Sets)-over > maxSets || size > maxSetsBytes) {
		size -= s.state.Sets[over].Bytes
		over++
	}
	if over > 0 {
		s.drop(ctx, over, fmt.Sprintf("more than %d sets of events, or %d bytes of them, are not complete", maxSets, maxSetsBytes))
	}
}

// drop gives up the oldest sets.
func (s *starts) drop(ctx workflow.Context, count int, why string) {
	s.state.Sets = append([]*eventSet(nil), s.state.Sets[count:]...)
	s.state.Dropped += count
	s.state.Error = fmt.Sprintf("%d sets of events were given up: %s", count, why)
	workflow.GetLogger(ctx).Warn(s.state.Error)
}

// start starts one execution. Its id is made of the events', so that no set of
// events starts two, whatever fails in between.
func (s *starts) start(ctx workflow.Context, set *eventSet) error {
	events := set.Hearing.Events
	if len(events) == 0 {
		return nil // until has come before anything else
	}
	doc := s.def.Document
	input, err := encodeBounded(events, "the events")
	if err != nil {
		s.state.Dropped++
		s.state.Error = err.Error()
		return nil //nolint:nilerr // a set of events must not end the schedule
	}
	sum := sha256.Sum256([]byte(strings.Join(set.Keys, " ")))
	id := fmt.Sprintf("%s.%s-%s", doc.Namespace, doc.Name, hex.EncodeToString(sum[:8]))
	child := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:            id,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_ABANDON,
		StaticSummary:         doc.Title,
		StaticDetails:         fmt.Sprintf("Started by %d events: schedule.on of %s", len(events), TypeName(doc)),
		TypedSearchAttributes: SearchAttributes(s.def, ""),
	})
	start := contract.Start{Published: contract.PublishedRef{Version: doc.Version, Digest: s.def.Digest}, Input: input, Patient: true}
	err = workflow.ExecuteChildWorkflow(child, TypeName(doc), start).GetChildWorkflowExecution().Get(ctx, nil)
	switch {
	case err != nil && ctx.Err() != nil:
		return err
	case err != nil && alreadyStarted(err):
		return nil
	case err != nil:
		s.state.Dropped++
		s.state.Error = fmt.Sprintf("%s did not start: %v", id, err)
		return nil
	}
	s.state.Started++
	s.state.Recent = append(s.state.Recent, contract.EventStart{Time: now(ctx), ID: id, Events: len(events)})
	if over := len(s.state.Recent) - maxRecent; over > 0 {
		s.state.Recent = append([]contract.EventStart(nil), s.state.Recent[over:]...)
	}
	return nil
}

// env is what the expressions of schedule.on may read: there is no execution yet.
func (s *starts) env(ctx workflow.Context) expression.Env {
	return expression.Env{
		Now: now(ctx), Steps: &s.pace.steps,
		Vars: map[string]any{
			"context": map[string]any{},
			"secrets": map[string]any{},
			"workflow": map[string]any{
				"id": "", "definition": s.def.Raw, "input": nil, "startedAt": dateTime(now(ctx)),
			},
			"runtime": map[string]any{"name": "lazaret", "version": "", "metadata": map[string]any{}},
		},
	}
}
