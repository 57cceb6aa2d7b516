package worker

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/timestamppb"

	"lazaret.dev/lazaret/worker/install"
	"lazaret.dev/lazaret/workflows/definition"
)

func (a *app) scheduleBackfillCommand() *cobra.Command {
	var from, to, overlap string
	cmd := a.onSchedule(&cobra.Command{
		Use:   "backfill NAMESPACE/NAME",
		Short: "Start what the schedule would have started in a time that is past",
		Long: `Backfill starts one execution for each time of the schedule between --from and
--to, both included. They run one after another unless --overlap says otherwise.`,
		Example: `  lazaret schedule backfill demo/nightly --from 2026-11-01T00:00:00Z --to 2026-11-07T23:59:59Z`,
	}, func(ctx context.Context, s *session, handle client.ScheduleHandle) error {
		backfill, err := parseBackfill(from, to, overlap)
		if err != nil {
			return err
		}
		return a.backfill(ctx, s, handle, backfill)
	}, nil)
	cmd.Flags().StringVar(&from, "from", "", "the first moment, as 2026-11-01T00:00:00Z")
	cmd.Flags().StringVar(&to, "to", "", "the last moment")
	overlapFlag(cmd, &overlap, string(definition.BufferAll), "what to do when an execution runs")
	return cmd
}

func parseBackfill(from, to, overlap string) (client.ScheduleBackfill, error) {
	policy, err := parseOverlap(overlap)
	if err != nil {
		return client.ScheduleBackfill{}, err
	}
	b := client.ScheduleBackfill{Overlap: policy}
	for _, moment := range []struct {
		flag, text string
		into       *time.Time
	}{{"from", from, &b.Start}, {"to", to, &b.End}} {
		if moment.text == "" {
			return b, usageError(fmt.Errorf("--%s is missing", moment.flag))
		}
		if *moment.into, err = time.Parse(time.RFC3339, moment.text); err != nil {
			return b, invalid("as in 2026-11-01T00:00:00Z", "--%s %q is not a moment", moment.flag, moment.text)
		}
	}
	if b.End.Before(b.Start) {
		return b, invalid("", "--to %s is before --from %s", to, from)
	}
	if b.End.After(time.Now()) {
		return b, invalid("what is due later starts by itself, or now with lazaret schedule trigger", "--to %s is in the future", to)
	}
	return b, nil
}

func (a *app) backfill(ctx context.Context, s *session, handle client.ScheduleHandle, backfill client.ScheduleBackfill) error {
	described, err := handle.Describe(ctx)
	if err != nil {
		return scheduleError(handle.GetID(), err)
	}
	if isAfter(described) {
		return invalid("lazaret schedule trigger starts it now", "%s starts after its last end, at no time that could be made up for", handle.GetID())
	}
	if err := s.checkScheduledHeld(ctx, handle.GetID(), described); err != nil {
		return err
	}
	count, err := s.dueBetween(ctx, handle.GetID(), backfill)
	if err != nil {
		return scheduleError(handle.GetID(), err)
	}
	if count == 0 {
		fmt.Fprintf(a.stderr, "schedule %s was due at no time from --from to --to: nothing starts\n", handle.GetID())
		return nil
	}
	err = handle.Backfill(ctx, client.ScheduleBackfillOptions{Backfill: []client.ScheduleBackfill{backfill}})
	if err != nil {
		return scheduleError(handle.GetID(), err)
	}
	more := ""
	if count >= mostDue {
		more = " or more; lazaret schedule delete ends that"
	}
	fmt.Fprintf(a.stderr, "backfilling schedule %s: %d starts%s\n", handle.GetID(), count, more)
	return nil
}

// mostDue is how many times Temporal lists at most.
const mostDue = 1000

// dueBetween counts the times at which a schedule was due, mostDue at most.
func (s *session) dueBetween(ctx context.Context, id string, b client.ScheduleBackfill) (int, error) {
	namespace := install.Namespace
	if s.install == nil {
		options, _, err := configuredTemporal()
		if err != nil {
			return 0, err
		}
		namespace = options.Namespace
	}
	answer, err := s.WorkflowService().ListScheduleMatchingTimes(ctx, &workflowservice.ListScheduleMatchingTimesRequest{
		Namespace: namespace, ScheduleId: id,
		StartTime: timestamppb.New(b.Start.Add(-time.Millisecond)), // those asked for are after it
		EndTime:   timestamppb.New(b.End),
	})
	return len(answer.GetStartTime()), err
}
