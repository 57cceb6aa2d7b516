package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/query"
	"lazaret.dev/lazaret/workflows"
)

// eventScheduleID is the entity of a schedule of that id.
func eventScheduleID(id string) string { return contract.EventSchedule + "/" + id }

// eventSchedule asks the entity that starts a definition by events; false, if
// none runs.
func (s *session) eventSchedule(ctx context.Context, id string) (contract.EventScheduleInfo, bool, error) {
	var info contract.EventScheduleInfo
	described, err := s.DescribeWorkflowExecution(ctx, eventScheduleID(id), "")
	if _, none := errors.AsType[*serviceerror.NotFound](err); none {
		return info, false, nil
	}
	if err != nil {
		return info, false, temporalError(err)
	}
	if described.GetWorkflowExecutionInfo().GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return info, false, nil
	}
	if err := query.Workflow(ctx, s.Client, eventScheduleID(id), contract.ScheduleQuery, &info); err != nil {
		return info, true, temporalError(err)
	}
	return info, true, nil
}

// controlEventSchedule has the entity do one of the things that take a note.
func (s *session) controlEventSchedule(ctx context.Context, id, update, note string) error {
	handle, err := s.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: eventScheduleID(id), UpdateName: update, Args: []any{note}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(ctx, nil)
	}
	if err != nil {
		return temporalError(err)
	}
	return nil
}

// listenWithin bounds the wait for an event schedule to be known to the router.
const listenWithin = 15 * time.Second

// applyEventSchedule starts the entity, or hands it the document, and returns
// once events are delivered to it.
func (s *session) applyEventSchedule(ctx context.Context, b *bundle) (applied, error) {
	id := scheduleID(b.def.Document.Namespace, b.def.Document.Name)
	done := applied{
		ID: id, Definition: workflows.TypeName(b.def.Document), Version: b.def.Document.Version, Digest: b.def.Digest, Schedule: describeSpec(b.def.Schedule),
	}
	err := s.ScheduleClient().GetHandle(ctx, id).Delete(ctx) // of a version that started by the clock
	if _, none := errors.AsType[*serviceerror.NotFound](err); err != nil && !none {
		return done, temporalError(err)
	}
	handle, err := s.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: s.NewWithStartWorkflowOperation(client.StartWorkflowOptions{
			ID: eventScheduleID(id), TaskQueue: contract.TaskQueue,
			WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
			StaticSummary:            "starts " + done.Definition + " by events",
		}, contract.EventSchedule, nil),
		UpdateOptions: client.UpdateWorkflowOptions{
			UpdateName: contract.ApplySchedule, WaitForStage: client.WorkflowUpdateStageCompleted,
			Args: []any{contract.AppliedSchedule{Source: b.source, Note: "applied by " + publisher()}},
		},
	})
	var info contract.EventScheduleInfo
	if err == nil {
		err = handle.Get(ctx, &info)
	}
	if err != nil {
		return done, temporalError(err)
	}
	done.Result, done.Paused = info.Result, info.Paused
	return done, s.awaitEventSchedule(ctx, id, b.def.Digest)
}

// awaitEventSchedule waits until the router delivers to the schedule, or it is paused.
func (s *session) awaitEventSchedule(ctx context.Context, id, digest string) error {
	short, cancel := context.WithTimeout(ctx, listenWithin)
	defer cancel()
	for {
		info, runs, err := s.eventSchedule(short, id)
		if err == nil && runs && info.Digest == digest && (info.Listening || info.Paused) {
			return nil
		}
		if !pause(short) {
			return fmt.Errorf("schedule %s is applied, but does not listen yet; see lazaret schedule describe %s", id, strings.Replace(id, ".", "/", 1))
		}
	}
}

// endEventSchedule ends the entity of a definition that starts by the clock from
// now on.
func (s *session) endEventSchedule(ctx context.Context, id string) error {
	_, runs, err := s.eventSchedule(ctx, id)
	if err != nil || !runs {
		return err
	}
	return s.controlEventSchedule(ctx, id, contract.DeleteSchedule, "")
}

// eventSchedules lists the definitions that events start.
func (s *session) eventSchedules(ctx context.Context) ([]scheduleEntry, error) {
	var all []scheduleEntry
	request := &workflowservice.ListWorkflowExecutionsRequest{
		PageSize: 500, Query: fmt.Sprintf("WorkflowType = '%s' AND ExecutionStatus = 'Running'", contract.EventSchedule),
	}
	for {
		page, err := s.ListWorkflow(ctx, request)
		if err != nil {
			return nil, err
		}
		for _, e := range page.GetExecutions() {
			id := strings.TrimPrefix(e.GetExecution().GetWorkflowId(), contract.EventSchedule+"/")
			info, runs, err := s.eventSchedule(ctx, id)
			if err != nil {
				return nil, err
			}
			if !runs {
				continue // it ended meanwhile
			}
			entry := scheduleEntry{ID: id, Definition: info.Definition, Version: info.Version, Paused: info.Paused, Note: info.Note}
			if last := len(info.Recent); last > 0 {
				entry.Last = info.Recent[last-1].Time
			}
			all = append(all, entry)
		}
		if request.NextPageToken = page.GetNextPageToken(); len(request.NextPageToken) == 0 {
			return all, nil
		}
	}
}

// eventScheduleView is what describe says of a schedule that events start.
type eventScheduleView struct {
	ID string `json:"id"`
	contract.EventScheduleInfo
	Schedule string            `json:"schedule"`
	Recent   []scheduledAction `json:"recent,omitempty"` // the newest first
}

func (a *app) describeEventSchedule(ctx context.Context, s *session, id string, info contract.EventScheduleInfo) error {
	view := eventScheduleView{ID: id, EventScheduleInfo: info, Schedule: byEvents}
	for _, start := range slices.Backward(info.Recent) {
		done := scheduledAction{Due: start.Time, Started: start.Time, ID: start.ID, Status: "unknown"}
		if answer, err := s.DescribeWorkflowExecution(ctx, start.ID, ""); err == nil {
			done.Status = describeInfo(answer.GetWorkflowExecutionInfo()).Status
		}
		view.Recent = append(view.Recent, done)
	}
	if a.output != "table" {
		return a.printJSON(view)
	}
	fmt.Fprintf(a.stdout, "id          %s\n", id)
	fmt.Fprintf(a.stdout, "definition  %s:%s\n", info.Definition, info.Version)
	fmt.Fprintf(a.stdout, "digest      %s\n", info.Digest)
	fmt.Fprintf(a.stdout, "schedule    %s\n", byEvents)
	state := pauseState(info.Paused)
	if !info.Paused && !info.Listening {
		state = "not listening yet"
	}
	fmt.Fprintf(a.stdout, "state       %s\n", state)
	if info.Note != "" {
		fmt.Fprintf(a.stdout, "note        %s\n", info.Note)
	}
	fmt.Fprintf(a.stdout, "started     %d\n", info.Started)
	if info.Begun > 0 {
		fmt.Fprintf(a.stdout, "begun       %d sets of events that are not complete\n", info.Begun)
	}
	if info.LastError != "" {
		fmt.Fprintf(a.stdout, "last error  %s (%d sets given up so far)\n", info.LastError, info.Dropped)
	}
	for _, r := range view.Recent {
		fmt.Fprintf(a.stdout, "last        %s  %-9s  %s\n", clock(r.Started), r.Status, r.ID)
	}
	return nil
}

// byEvents is schedule.on in words.
const byEvents = "on events"
