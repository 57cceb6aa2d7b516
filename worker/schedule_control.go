package worker

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/definition"
)

func (a *app) schedulePauseCommand() *cobra.Command {
	var reason string
	cmd := a.onSchedule(&cobra.Command{
		Use:     "pause NAMESPACE/NAME",
		Short:   "Start nothing until the schedule is resumed",
		Example: `  lazaret schedule pause demo/nightly --reason 'the source is being moved'`,
	}, func(ctx context.Context, _ *session, handle client.ScheduleHandle) error {
		err := handle.Pause(ctx, client.SchedulePauseOptions{Note: because("paused", reason)})
		return a.sayDone(handle, "paused", err)
	}, func(ctx context.Context, s *session, id string, _ contract.EventScheduleInfo) error {
		return a.sayControlled(id, "paused", s.controlEventSchedule(ctx, id, contract.PauseSchedule, because("paused", reason)))
	})
	cmd.Flags().StringVar(&reason, "reason", "", "why, for whoever sees the schedule")
	return cmd
}

func (a *app) scheduleResumeCommand() *cobra.Command {
	var reason string
	cmd := a.onSchedule(&cobra.Command{
		Use:     "resume NAMESPACE/NAME",
		Short:   "Go on with a paused schedule",
		Example: `  lazaret schedule resume demo/nightly --reason 'moved'`,
	}, func(ctx context.Context, _ *session, handle client.ScheduleHandle) error {
		err := handle.Unpause(ctx, client.ScheduleUnpauseOptions{Note: because("resumed", reason)})
		return a.sayDone(handle, "resumed", err)
	}, func(ctx context.Context, s *session, id string, info contract.EventScheduleInfo) error {
		err := s.controlEventSchedule(ctx, id, contract.ResumeSchedule, because("resumed", reason))
		if err == nil {
			err = s.awaitEventSchedule(ctx, id, info.Digest)
		}
		return a.sayControlled(id, "resumed", err)
	})
	cmd.Flags().StringVar(&reason, "reason", "", "why, for whoever sees the schedule")
	return cmd
}

func (a *app) scheduleDeleteCommand() *cobra.Command {
	return a.onSchedule(&cobra.Command{
		Use:     "delete NAMESPACE/NAME",
		Short:   "Delete a schedule; what it has started goes on, what is published stays",
		Example: `  lazaret schedule delete demo/nightly`,
	}, func(ctx context.Context, _ *session, handle client.ScheduleHandle) error {
		return a.sayDone(handle, "deleted", handle.Delete(ctx))
	}, func(ctx context.Context, s *session, id string, _ contract.EventScheduleInfo) error {
		return a.sayControlled(id, "deleted", s.controlEventSchedule(ctx, id, contract.DeleteSchedule, ""))
	})
}

// sayControlled is sayDone for a schedule that events start.
func (a *app) sayControlled(id, what string, err error) error {
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stderr, "%s schedule %s\n", what, id)
	return nil
}

func (a *app) sayDone(handle client.ScheduleHandle, what string, err error) error {
	if err != nil {
		return scheduleError(handle.GetID(), err)
	}
	fmt.Fprintf(a.stderr, "%s schedule %s\n", what, handle.GetID())
	return nil
}

func (a *app) scheduleTriggerCommand() *cobra.Command {
	var overlap string
	cmd := a.onSchedule(&cobra.Command{
		Use:   "trigger NAMESPACE/NAME",
		Short: "Start the scheduled definition now, also when the schedule is paused",
		Long: `Trigger starts one execution now, and prints its id once it has started. While
another one runs, the schedule's overlap policy decides; a policy that would drop
the start is refused, so give another with --overlap.`,
		Example: `  id=$(lazaret schedule trigger demo/nightly)
  lazaret result "$id"`,
	}, func(ctx context.Context, s *session, handle client.ScheduleHandle) error {
		policy, err := parseOverlap(overlap)
		if err != nil {
			return err
		}
		return a.trigger(ctx, s, handle, policy)
	}, nil)
	overlapFlag(cmd, &overlap, "", "what to do when an execution runs (default the schedule's policy)")
	return cmd
}

// parseOverlap reads a policy; empty is the schedule's own.
func parseOverlap(name string) (enumspb.ScheduleOverlapPolicy, error) {
	if name == "" {
		return enumspb.SCHEDULE_OVERLAP_POLICY_UNSPECIFIED, nil
	}
	policy, ok := overlaps[definition.Overlap(name)]
	if !ok {
		return policy, invalid(definition.Suggest(name, overlapNames()), "--overlap %q is no policy; there are %v", name, overlapNames())
	}
	return policy, nil
}

// triggerTimeout bounds the wait for what a trigger starts.
const triggerTimeout = 10 * time.Second

func (a *app) trigger(ctx context.Context, s *session, handle client.ScheduleHandle, policy enumspb.ScheduleOverlapPolicy) error {
	before, err := handle.Describe(ctx)
	if err != nil {
		return scheduleError(handle.GetID(), err)
	}
	if err := s.checkScheduledHeld(ctx, handle.GetID(), before); err != nil {
		return err
	}
	effective := policy
	if effective == enumspb.SCHEDULE_OVERLAP_POLICY_UNSPECIFIED && before.Schedule.Policy != nil {
		effective = before.Schedule.Policy.Overlap
	}
	running := len(before.Info.RunningWorkflows) > 0
	if running && effective == enumspb.SCHEDULE_OVERLAP_POLICY_SKIP {
		return invalid("wait for its end, or give --overlap BufferOne or --overlap AllowAll",
			"%s runs, and with overlapPolicy Skip nothing else starts", before.Info.RunningWorkflows[0].WorkflowID)
	}
	if err := handle.Trigger(ctx, client.ScheduleTriggerOptions{Overlap: policy}); err != nil {
		return scheduleError(handle.GetID(), err)
	}
	short, cancel := context.WithTimeout(ctx, triggerTimeout)
	defer cancel()
	buffered := running && (effective == enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE || effective == enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL)
	for !buffered && pause(short) {
		after, err := handle.Describe(short)
		if err == nil && after.Info.NumActions > before.Info.NumActions && len(after.Info.RecentActions) > 0 {
			last := after.Info.RecentActions[len(after.Info.RecentActions)-1]
			_, err := fmt.Fprintln(a.stdout, executionID(last.StartWorkflowResult.WorkflowID, isAfter(after)))
			return err
		}
	}
	fmt.Fprintf(a.stderr, "triggered schedule %s; it starts when the running execution has ended\n", handle.GetID())
	return nil
}

// checkScheduledHeld is checkHeld for what a schedule starts: each of the executions
// would be refused.
func (s *session) checkScheduledHeld(ctx context.Context, id string, d *client.ScheduleDescription) error {
	namespace, name, _ := strings.Cut(id, ".")
	return s.checkHeld(ctx, namespace, name, s.startedBy(d.Schedule.Action).Digest)
}
