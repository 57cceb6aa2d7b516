package worker

import (
	"context"
	"fmt"

	"github.com/rs/zerolog"
	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities"
	"lazaret.dev/lazaret/activities/virt"
	"lazaret.dev/lazaret/activities/virt/driver"
	"lazaret.dev/lazaret/policies"
)

// MaybeLibvirt turns this process into a libvirt client for a worker if that is
// what it was started as, and then never returns.
func MaybeLibvirt() { activities.MaybeLibvirt() }

// registerLibvirt gives the worker its broker; libvirt itself is looked for when
// the first operation is asked for.
func (s *service) registerLibvirt(options serviceOptions, starters *activities.Starters, log zerolog.Logger) error {
	var err error
	if s.machines, err = driver.NewPool(policies.Names(options.degradations.AtOwn())...); err != nil {
		return err
	}
	broker := activities.NewLibvirtBroker(s.machines, options.policy.unlisted().Libvirt, s.record)
	metrics := options.monitor.watchLibvirt()
	broker.Observe = metrics.observe
	broker.Denied = func(request virt.Request, e *virt.Error) {
		metrics.deny(request.Operation)
		if request.Identity.Caller != "script" { // whose run reports it
			logLibvirtDenial(log, request, e)
		}
	}
	(&activities.Libvirt{Starters: starters, Broker: broker, Policies: options.policy, Grace: options.grace, Filer: s.ledger.filer}).Register(s.worker)
	s.processes.Machines = &activities.ScriptMachines{Broker: broker, Starters: starters}
	return nil
}

// firstEvent is the start of a run, with whom Temporal let start it.
func (s *service) firstEvent(ctx context.Context, run workflow.Execution) (*historypb.HistoryEvent, error) {
	answer, err := s.client.WorkflowService().GetWorkflowExecutionHistory(ctx, &workflowservice.GetWorkflowExecutionHistoryRequest{
		Namespace: s.namespace, MaximumPageSize: 1, SkipArchival: true,
		Execution: &commonpb.WorkflowExecution{WorkflowId: run.ID, RunId: run.RunID},
	})
	if err != nil {
		return nil, err
	}
	if events := answer.GetHistory().GetEvents(); len(events) > 0 {
		return events[0], nil
	}
	return nil, fmt.Errorf("the history of %s is empty", run.ID)
}

// logLibvirtDenial writes the line that alerts look for, as of a script's violation.
func logLibvirtDenial(log zerolog.Logger, request virt.Request, e *virt.Error) {
	log.Warn().
		Str("definition", request.Identity.Definition).
		Str("task", request.Identity.Task).
		Str("execution", request.Identity.Execution).
		Str("id", request.Key).
		Str("type", "InvalidPermission").
		Str("operation", request.Operation).
		Str("detail", e.Message).
		Str("action", "denied").
		Msg("violation")
}
