package ledger

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
)

// ward is a Temporal whose running executions come to rest as a test says: each look
// sees the next of its states, and the last one ever after.
type ward struct {
	client.Client
	looks []map[string]string // state of the running executions, by id

	mu       sync.Mutex
	looked   int
	signaled []string
}

func (w *ward) ListWorkflow(_ context.Context, request *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	answer := &workflowservice.ListWorkflowExecutionsResponse{}
	if strings.HasPrefix(request.GetQuery(), "ParentWorkflowId") {
		return answer, nil // they have no children
	}
	for id, state := range w.looks[min(w.looked, len(w.looks)-1)] {
		payload, err := converter.GetDefaultDataConverter().ToPayload(state)
		if err != nil {
			return nil, err
		}
		answer.Executions = append(answer.Executions, &workflowpb.WorkflowExecutionInfo{
			Execution:        &commonpb.WorkflowExecution{WorkflowId: id},
			SearchAttributes: &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{contract.AttributeState: payload}},
		})
	}
	w.looked++
	return answer, nil
}

func (w *ward) SignalWorkflow(_ context.Context, id, _, _ string, _ any) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.signaled = append(w.signaled, id)
	return nil
}

// crowd are executions in a state, numbered.
func crowd(from, to int, state string, more ...map[string]string) map[string]string {
	all := map[string]string{}
	for n := from; n < to; n++ {
		all[fmt.Sprintf("e%02d", n)] = state
	}
	for _, m := range more {
		maps.Copy(all, m)
	}
	return all
}

func ids(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// Of many executions of a definition that is put away, those that come to hold or end
// by themselves get no word, all others do, and all are named; few are told at once,
// and so is who held before, and all of a definition that may go on.
func TestTell_WhoComesToRestByItself(t *testing.T) {
	t.Parallel()
	running, holds := crowd(0, 30, "running"), contract.HeldState
	for name, test := range map[string]struct {
		state string
		looks []map[string]string
		told  []string
	}{
		"all come to rest":       {contract.LedgerQuarantined, []map[string]string{running, crowd(0, 30, holds)}, nil},
		"some stir":              {contract.LedgerQuarantined, []map[string]string{running, crowd(0, 10, holds, crowd(20, 30, "running")), crowd(20, 30, "running")}, ids(crowd(20, 30, ""))},
		"none comes to rest":     {contract.LedgerQuarantined, []map[string]string{running, running}, ids(running)},
		"they held before":       {contract.LedgerQuarantined, []map[string]string{crowd(0, 30, holds), crowd(0, 30, holds)}, ids(running)},
		"few":                    {contract.LedgerQuarantined, []map[string]string{crowd(0, 8, "running")}, ids(crowd(0, 8, ""))},
		"of one that may go on":  {contract.LedgerReleased, []map[string]string{crowd(0, 30, holds)}, ids(running)},
		"few are left, and stir": {contract.LedgerQuarantined, []map[string]string{running, crowd(0, 3, "running")}, ids(crowd(0, 3, ""))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &ward{looks: test.looks}
			b := newBench(t, policies.Strict, nil)
			b.Client = w
			told, err := b.Tell(t.Context(), contract.Enforcement{
				Ledger: contract.Ledger{LedgerSummary: contract.LedgerSummary{Namespace: "a", Name: "b", State: test.state}}, Do: contract.HoldExecution,
			})
			require.NoError(t, err)
			slices.Sort(w.signaled)
			slices.Sort(told.Executions)
			assert.Equal(t, test.told, w.signaled)
			assert.Equal(t, ids(test.looks[0]), told.Executions)
			assert.Equal(t, len(test.looks), w.looked)
		})
	}
}
