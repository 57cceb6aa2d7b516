package worker

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"lazaret.dev/lazaret/activities/contract"
)

func (a *app) scheduleCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "schedule",
		Short: "Start definitions by the clock, as Temporal Schedules, or by events",
		Long: `A definition's schedule says when it starts by itself: at the times of a cron
expression, at an interval, so long after the execution before has ended, or on
events. "schedule apply" makes a Temporal Schedule of it, named NAMESPACE.NAME,
or, for events, a workflow that listens to them; both go on for as long as the
Temporal that keeps them is up.`,
		Example: `  lazaret schedule apply nightly.yaml
  lazaret schedule list
  lazaret schedule pause demo/nightly --reason 'moving house'`,
	}
	cmd.AddCommand(
		a.scheduleApplyCommand(), a.scheduleListCommand(), a.scheduleDescribeCommand(),
		a.schedulePauseCommand(), a.scheduleResumeCommand(),
		a.scheduleTriggerCommand(), a.scheduleBackfillCommand(), a.scheduleDeleteCommand(),
	)
	return group(cmd)
}

// scheduleID names the schedule of a definition. Neither part has a dot.
func scheduleID(namespace, name string) string { return namespace + "." + name }

// parseScheduleID reads NAMESPACE/NAME, or the id itself.
func parseScheduleID(text string) (string, error) {
	namespace, name, ok := strings.Cut(strings.Replace(text, "/", ".", 1), ".")
	if !ok || namespace == "" || name == "" || strings.ContainsAny(name, "./:") {
		return "", invalid("as in demo/nightly", "%q is not the NAMESPACE/NAME of a scheduled definition", text)
	}
	return scheduleID(namespace, name), nil
}

// onSchedule is what the commands that act on one schedule have in common.
//
// onEvents acts on one that events start; without it the command has no meaning there.
func (a *app) onSchedule(cmd *cobra.Command, act func(context.Context, *session, client.ScheduleHandle) error,
	onEvents func(context.Context, *session, string, contract.EventScheduleInfo) error,
) *cobra.Command {
	cmd.Args = exactly("NAMESPACE/NAME")
	cmd.ValidArgsFunction = a.completeSchedules
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if cmd.Flags().Lookup("output") != nil {
			if err := a.checkTableFlags(); err != nil {
				return err
			}
		}
		id, err := parseScheduleID(args[0])
		if err != nil {
			return err
		}
		return a.withSession(cmd.Context(), func(ctx context.Context, s *session) error {
			info, events, err := s.eventSchedule(ctx, id)
			switch {
			case err != nil:
				return err
			case events && onEvents == nil:
				return invalid("send the events with lazaret emit, or start it with lazaret run", "%s starts by events, not by the clock", id)
			case events:
				return onEvents(ctx, s, id, info)
			}
			return act(ctx, s, s.ScheduleClient().GetHandle(ctx, id))
		})
	}
	return cmd
}

// scheduleError names a schedule that is not there.
func scheduleError(id string, err error) error {
	if _, ok := errors.AsType[*serviceerror.NotFound](err); ok {
		return invalid("lazaret schedule list shows what there is", "there is no schedule %s", id)
	}
	if wrong, ok := errors.AsType[*serviceerror.InvalidArgument](err); ok {
		return invalid("", "temporal: %s", wrong.Message)
	}
	if err != nil {
		return temporalError(err)
	}
	return nil
}

// completeSchedules completes the names of scheduled definitions.
func (a *app) completeSchedules(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	err := a.withSession(cmd.Context(), func(ctx context.Context, s *session) error {
		all, err := s.schedules(ctx)
		for _, e := range all {
			names = append(names, e.Definition)
		}
		return err
	})
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// overlapFlag adds --overlap to a command.
func overlapFlag(cmd *cobra.Command, value *string, fallback, help string) {
	cmd.Flags().StringVar(value, "overlap", fallback, help+": "+strings.Join(overlapNames(), ", "))
	_ = cmd.RegisterFlagCompletionFunc("overlap", cobra.FixedCompletions(overlapNames(), cobra.ShellCompDirectiveNoFileComp))
}

// paused says who did something to a schedule, and why.
func because(what, reason string) string {
	note := what + " by " + publisher()
	if reason != "" {
		note = fmt.Sprintf("%s: %s", note, reason)
	}
	return note
}
