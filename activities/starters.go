package activities

import (
	"context"
	"fmt"
	"sync"

	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/virt"
	"lazaret.dev/lazaret/policies"
)

// Starters tell whom Temporal let start an execution: the principal that it writes
// on the first event, which no client can choose (C11). It is safe for concurrent use.
type Starters struct {
	// First is the first event of a run.
	First func(ctx context.Context, run workflow.Execution) (*historypb.HistoryEvent, error)

	mu    sync.Mutex
	known map[string]string // by run id
}

// maxStarters bounds what is remembered, and maxOrigins how many runs are asked about
// to find the one that somebody started.
const (
	maxStarters = 4096
	maxOrigins  = 8
)

// identity is on whose behalf a task or a script asks. Temporal is asked where the
// policy cares.
func (s *Starters) identity(ctx context.Context, task contract.TaskID, policy policies.Effective, caller string, run workflow.Execution) (virt.Identity, error) {
	id := virt.Identity{
		Definition: definitionOf(task), Execution: task.Execution, Task: task.Reference, Caller: caller,
		Digest: task.Digest, Signature: task.Signature,
	}
	if s == nil || !policy.Libvirt.ForPrincipals() {
		return id, nil
	}
	var err error
	id.Principal, err = s.of(ctx, run)
	return id, err
}

// of is type/name of the principal; empty where Temporal has none.
func (s *Starters) of(ctx context.Context, run workflow.Execution) (string, error) {
	s.mu.Lock()
	principal, ok := s.known[run.RunID]
	s.mu.Unlock()
	if ok {
		return principal, nil
	}
	principal, err := s.find(ctx, run)
	if err != nil {
		return "", fmt.Errorf("ask Temporal who started %s: %w", run.ID, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil || len(s.known) >= maxStarters {
		s.known = map[string]string{}
	}
	s.known[run.RunID] = principal
	return principal, nil
}

// find goes back to the run that was started from outside: before it continued as
// new, and from a child to the parent of all.
func (s *Starters) find(ctx context.Context, run workflow.Execution) (string, error) {
	for range maxOrigins {
		event, err := s.First(ctx, run)
		if err != nil {
			return "", err
		}
		started := event.GetWorkflowExecutionStartedEventAttributes()
		root := started.GetRootWorkflowExecution()
		switch first := started.GetFirstExecutionRunId(); {
		case started == nil:
			return "", fmt.Errorf("the history of %s does not begin with its start", run.ID)
		case first != "" && first != run.RunID:
			run.RunID = first
		case root.GetWorkflowId() != "" && root.GetWorkflowId() != run.ID:
			run = workflow.Execution{ID: root.GetWorkflowId(), RunID: root.GetRunId()}
		case event.GetPrincipal().GetName() == "":
			return "", nil
		default:
			return event.GetPrincipal().GetType() + "/" + event.GetPrincipal().GetName(), nil
		}
	}
	return "", fmt.Errorf("%s has too many runs before it", run.ID)
}
