package worker

import (
	"reflect"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	sdkworker "go.temporal.io/sdk/worker"

	"lazaret.dev/lazaret/activities"
	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/events"
	"lazaret.dev/lazaret/activities/ledger"
	"lazaret.dev/lazaret/policies"
)

// elsewhere are the kinds of activities whose results do not say under which policy
// they were carried out, with what does instead, or why nothing need to.
var elsewhere = map[string]string{
	contract.MachineEvents:  "it has no end: its heartbeat says it, in contract.WatchState",
	contract.RecordIncident: "its line of the audit log says it",
	contract.TellExecutions: "it passes a word on that enforcing has recorded",
	contract.EndExecution:   "it passes on what judging endings decides",
	contract.ReadHeld:       "it verifies signatures, which no policy decides about",
	contract.ReadOrder:      "likewise",
	contract.ReadRelated:    "likewise",
}

// kinds records what is registered.
type kinds struct {
	sdkworker.Worker
	results map[string]reflect.Type // nil: no result but an error
}

func (k *kinds) RegisterActivityWithOptions(f any, options activity.RegisterOptions) {
	t := reflect.TypeOf(f)
	k.results[options.Name] = nil
	if t.NumOut() > 1 {
		k.results[options.Name] = t.Out(0)
	}
}

// TestDigest_OfEveryKind walks all kinds of activities that a worker registers: the
// result of each has the digest of the policy that decided. A kind that is new has
// to say so, too.
func TestDigest_OfEveryKind(t *testing.T) {
	p := policies.Single("test", policies.Maximum, func(*policies.Effective) {})
	source := &policySource{}
	source.current.Store(p)
	k := &kinds{results: map[string]reflect.Type{}}
	s := &service{
		worker: k, processes: &activities.Processes{}, calls: &activities.Calls{}, events: &events.Gateway{},
		ledger: &ledgerPart{filer: &ledger.Filer{}, gate: &ledger.Gate{}},
	}
	require.NoError(t, s.register(serviceOptions{policy: source}, testBuild, converter.GetDefaultDataConverter(), zerolog.Nop()))
	t.Cleanup(func() { _ = s.machines.Close() })
	for name, result := range k.results {
		if why, is := elsewhere[name]; is {
			assert.NotEmpty(t, why)
			delete(elsewhere, name)
			continue
		}
		assert.True(t, saysPolicy(result), "the result of %s, %v, has no member policy", name, result)
	}
	assert.Empty(t, elsewhere, "no kinds of activities")
	assert.Greater(t, len(k.results), 60)
}

func saysPolicy(result reflect.Type) bool {
	if result == nil {
		return false
	}
	if result.Kind() == reflect.Slice {
		result = result.Elem()
	}
	if result.Kind() != reflect.Struct {
		return false
	}
	field, ok := result.FieldByName("Policy")
	return ok && strings.HasPrefix(field.Tag.Get("json"), "policy,") && field.Type.Kind() == reflect.String
}

// comparePolicies holds every result of an activity in a history against that it has
// the digest of a policy.
func comparePolicies(t *testing.T, history []*historypb.HistoryEvent) {
	t.Helper()
	scheduled := map[int64]string{}
	for _, event := range history {
		if begun := event.GetActivityTaskScheduledEventAttributes(); begun != nil {
			scheduled[event.GetEventId()] = begun.GetActivityType().GetName()
		}
		completed := event.GetActivityTaskCompletedEventAttributes()
		if completed == nil {
			continue
		}
		var result struct{ Policy string }
		name := scheduled[completed.GetScheduledEventId()]
		require.NotEmpty(t, completed.GetResult().GetPayloads(), name)
		require.NoError(t, converter.GetDefaultDataConverter().FromPayload(completed.GetResult().GetPayloads()[0], &result), name)
		assert.Len(t, result.Policy, 64, "the policy's digest in the result of %s", name)
	}
}
