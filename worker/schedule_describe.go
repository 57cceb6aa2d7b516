package worker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/client"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/definition"
)

// scheduleInfo is what describe says of a schedule.
type scheduleInfo struct {
	ID            string            `json:"id"`
	Definition    string            `json:"definition"`
	Version       string            `json:"version"`
	Digest        string            `json:"digest"`
	Paused        bool              `json:"paused"`
	Note          string            `json:"note,omitempty"`
	Schedule      string            `json:"schedule"`
	Overlap       string            `json:"overlapPolicy"`
	CatchupWindow string            `json:"catchupWindow"`
	Next          []time.Time       `json:"next,omitempty"`
	Recent        []scheduledAction `json:"recent,omitempty"` // the newest first
	Started       int               `json:"started"`
	Skipped       int               `json:"skipped"` // because another was running
	Missed        int               `json:"missed"`  // for longer than the catch-up window
}

// scheduledAction is one execution that a schedule has started.
type scheduledAction struct {
	Due     time.Time `json:"due"`
	Started time.Time `json:"started"`
	ID      string    `json:"id"`
	Status  string    `json:"status"`
}

func (a *app) scheduleDescribeCommand() *cobra.Command {
	cmd := a.onSchedule(&cobra.Command{
		Use:     "describe NAMESPACE/NAME",
		Short:   "Show a schedule: its next starts, and how the last ones ended",
		Example: `  lazaret schedule describe demo/nightly`,
	}, a.describeSchedule, a.describeEventSchedule)
	a.tableFlag(cmd)
	return cmd
}

func (a *app) describeSchedule(ctx context.Context, s *session, handle client.ScheduleHandle) error {
	described, err := handle.Describe(ctx)
	if err != nil {
		return scheduleError(handle.GetID(), err)
	}
	info := s.scheduleInfoOf(handle.GetID(), described)
	for _, action := range slices.Backward(described.Info.RecentActions) {
		info.Recent = append(info.Recent, s.scheduledAction(ctx, action, isAfter(described)))
	}
	if a.output != "table" {
		return a.printJSON(info)
	}
	a.printSchedule(info)
	return nil
}

func (s *session) scheduleInfoOf(id string, d *client.ScheduleDescription) scheduleInfo {
	started := s.startedBy(d.Schedule.Action)
	info := scheduleInfo{
		ID: id, Definition: strings.Replace(id, ".", "/", 1), Version: started.Version, Digest: started.Digest,
		Started: d.Info.NumActions,
	}
	if d.Schedule.State != nil {
		info.Paused, info.Note = d.Schedule.State.Paused, d.Schedule.State.Note
	}
	if action, ok := d.Schedule.Action.(*client.ScheduleWorkflowAction); ok {
		_, info.Schedule, _ = strings.Cut(action.StaticDetails, "`: ")
	}
	if policy := d.Schedule.Policy; policy != nil {
		info.CatchupWindow = policy.CatchupWindow.String()
		for _, name := range definition.Overlaps {
			if overlaps[definition.Overlap(name)] == policy.Overlap {
				info.Overlap = name
			}
		}
	}
	if !isAfter(d) { // whose ticks are no starts
		info.Skipped, info.Missed = d.Info.NumActionsSkippedOverlap, d.Info.NumActionsMissedCatchupWindow
		if !info.Paused {
			info.Next = d.Info.NextActionTimes
		}
	}
	return info
}

func isAfter(d *client.ScheduleDescription) bool {
	action, ok := d.Schedule.Action.(*client.ScheduleWorkflowAction)
	return ok && action.Workflow == contract.After
}

// startedBy is the published version that a schedule starts; zero when it is not ours.
func (s *session) startedBy(action client.ScheduleAction) contract.PublishedRef {
	started, ok := action.(*client.ScheduleWorkflowAction)
	if !ok || len(started.Args) == 0 {
		return contract.PublishedRef{}
	}
	payload, ok := started.Args[0].(*commonpb.Payload)
	if !ok {
		return contract.PublishedRef{}
	}
	if started.Workflow == contract.After {
		var r contract.Repetition
		_ = s.converter().FromPayload(payload, &r) // else zero
		return r.Start.Published
	}
	var start contract.Start
	_ = s.converter().FromPayload(payload, &start) // else zero
	return start.Published
}

// scheduledAction asks how an execution stands. One that Temporal has forgotten
// has ended.
func (s *session) scheduledAction(ctx context.Context, action client.ScheduleActionResult, after bool) scheduledAction {
	done := scheduledAction{Due: action.ScheduleTime, Started: action.ActualTime, Status: "unknown"}
	if action.StartWorkflowResult == nil {
		return done
	}
	done.ID = executionID(action.StartWorkflowResult.WorkflowID, after)
	answer, err := s.DescribeWorkflowExecution(ctx, done.ID, "")
	if err == nil {
		done.Status = describeInfo(answer.GetWorkflowExecutionInfo()).Status
	}
	return done
}

// executionID is the definition's execution, given what the schedule started.
func executionID(id string, after bool) string {
	if after {
		return id + "/1"
	}
	return id
}

func (a *app) printSchedule(i scheduleInfo) {
	fmt.Fprintf(a.stdout, "id          %s\n", i.ID)
	fmt.Fprintf(a.stdout, "definition  %s:%s\n", i.Definition, i.Version)
	fmt.Fprintf(a.stdout, "digest      %s\n", i.Digest)
	fmt.Fprintf(a.stdout, "schedule    %s\n", i.Schedule)
	fmt.Fprintf(a.stdout, "overlap     %s\n", i.Overlap)
	fmt.Fprintf(a.stdout, "catch-up    %s\n", i.CatchupWindow)
	fmt.Fprintf(a.stdout, "state       %s\n", pauseState(i.Paused))
	if i.Note != "" {
		fmt.Fprintf(a.stdout, "note        %s\n", i.Note)
	}
	fmt.Fprintf(a.stdout, "started     %d\n", i.Started)
	if i.Skipped > 0 {
		fmt.Fprintf(a.stdout, "skipped     %d, because the one before was running\n", i.Skipped)
	}
	if i.Missed > 0 {
		fmt.Fprintf(a.stdout, "missed      %d, for longer than the catch-up window\n", i.Missed)
	}
	for _, next := range i.Next[:min(len(i.Next), 5)] {
		fmt.Fprintf(a.stdout, "next        %s\n", clock(next))
	}
	for _, r := range i.Recent {
		fmt.Fprintf(a.stdout, "last        %s  %-10s  %s\n", clock(r.Started), r.Status, r.ID)
	}
}
