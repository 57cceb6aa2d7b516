package worker

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"lazaret.dev/lazaret/workflows"
	"lazaret.dev/lazaret/workflows/definition"
	"lazaret.dev/lazaret/workflows/expression"
)

func (a *app) scheduleApplyCommand() *cobra.Command {
	var flags publishFlags
	cmd := &cobra.Command{
		Use:   "apply FILE…",
		Short: "Publish definitions and start them by their schedule",
		Long: `Apply publishes each definition and makes, or brings up to date, the Temporal
Schedule that starts this very document. Applying it again changes nothing, and
a schedule that is paused stays paused. One that events start (schedule.on)
becomes a workflow that listens: apply returns once events reach it.

How the schedule is kept stands in document.metadata.schedule: overlapPolicy,
catchupWindow, pauseOnFailure, jitter, timezoneName, startTime, endTime, and the
input of every execution.`,
		Example: `  lazaret schedule apply nightly.yaml
  lazaret schedule apply workflows/*.yaml --output json`,
		Args: files,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.checkTableFlags(); err != nil {
				return err
			}
			return a.applySchedules(cmd.Context(), args, flags)
		},
	}
	cmd.Flags().StringVar(&flags.level, "level", "", "sandbox level for which scripts are checked: maximum, strict, standard, minimal (default the worker's)")
	a.pythonAllowFlag(cmd)
	a.tableFlag(cmd)
	return cmd
}

// applied is one schedule as apply prints it.
type applied struct {
	ID         string `json:"id"`
	Definition string `json:"definition"`
	Version    string `json:"version"`
	Digest     string `json:"digest"`
	Result     string `json:"result"` // created, updated, unchanged
	Paused     bool   `json:"paused,omitempty"`
	Schedule   string `json:"schedule"`
}

func (a *app) applySchedules(ctx context.Context, files []string, flags publishFlags) error {
	terms, err := a.scriptTerms(flags.level)
	if err != nil {
		return err
	}
	// That a pause is lost is a warning elsewhere: scheduleFindings say it here.
	bundles, err := a.loadAll(ctx, files, terms, "schedule.manual", "schedule.pause")
	if err != nil {
		return err
	}
	for _, b := range bundles {
		if findings := scheduleFindings(b); len(findings) > 0 {
			return &exitError{code: exitInvalid, err: findings, hint: findings[0].Hint}
		}
	}
	return a.withSession(ctx, func(ctx context.Context, s *session) error {
		for _, b := range bundles {
			if err := s.checkNeeded(ctx, b.source.File, b.needed, publishFirst); err != nil {
				return err
			}
		}
		all := []applied{}
		for _, b := range bundles {
			if _, err := s.publish(ctx, b); err != nil {
				return err
			}
			done, err := s.applySchedule(ctx, b)
			if err != nil {
				return err
			}
			all = append(all, done)
		}
		return a.printApplied(all)
	})
}

// scheduleFindings are what stands against scheduling a valid definition.
func scheduleFindings(b *bundle) definition.Findings {
	s, file := b.def.Schedule, b.source.File
	switch {
	case s == nil:
		return definition.Findings{b.def.FindingAt(file, "", "schedule.missing",
			"add one, such as schedule: {cron: 0 2 * * *}; lazaret schedule delete removes one that was applied", "the definition has no schedule")}
	case s.Events:
		return nil
	}
	if _, err := time.LoadLocation(s.TimeZone); err != nil {
		return definition.Findings{b.def.FindingAt(file, "/document/metadata/schedule/timezoneName", "schedule.timezone",
			"a name of the IANA database, such as Europe/Berlin", fmt.Sprintf("there is no time zone %.100q here", s.TimeZone))}
	}
	if s.PauseIsLost() {
		return definition.Findings{b.def.FindingAt(file, "/document/metadata/schedule/pauseOnFailure", "schedule.pause",
			definition.PauseLostHint, definition.PauseLost)}
	}
	if err := b.def.Input.Schema.Validate(s.Input); err != nil {
		return definition.Findings{b.def.FindingAt(file, "/document/metadata/schedule/input", "schedule.input",
			"every execution gets document.metadata.schedule.input", fmt.Sprintf("input: %v", err))}
	}
	return nil
}

func (s *session) applySchedule(ctx context.Context, b *bundle) (applied, error) {
	if b.def.Schedule.Events {
		return s.applyEventSchedule(ctx, b)
	}
	input, err := expression.Encode(b.def.Schedule.Input)
	if err != nil {
		return applied{}, invalid("", "%s: metadata.schedule.input: %w", b.source.File, err)
	}
	options := scheduleOf(b, input)
	if err := s.endEventSchedule(ctx, options.ID); err != nil {
		return applied{}, err
	}
	options.Note = "applied by " + publisher()
	done := applied{
		ID: options.ID, Definition: workflows.TypeName(b.def.Document), Version: b.def.Document.Version, Digest: b.def.Digest,
		Result: "created", Schedule: describeSpec(b.def.Schedule),
	}
	_, err = s.ScheduleClient().Create(ctx, options)
	if errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		err = s.updateSchedule(ctx, options, &done)
	}
	return done, scheduleError(options.ID, err)
}

// updateSchedule replaces what the definition says, and keeps what people did: a
// pause and its note.
func (s *session) updateSchedule(ctx context.Context, options client.ScheduleOptions, done *applied) error {
	return s.ScheduleClient().GetHandle(ctx, options.ID).Update(ctx, client.ScheduleUpdateOptions{
		DoUpdate: func(input client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
			was := input.Description.Schedule
			done.Result = "updated"
			if started := s.startedBy(was.Action); started.Digest == done.Digest {
				done.Result = "unchanged"
			}
			if was.State != nil {
				done.Paused = was.State.Paused
			}
			return &client.ScheduleUpdate{
				Schedule: &client.Schedule{
					Action: options.Action,
					Spec:   &options.Spec,
					Policy: &client.SchedulePolicies{
						Overlap: options.Overlap, CatchupWindow: options.CatchupWindow, PauseOnFailure: options.PauseOnFailure,
					},
					State: was.State,
				},
				TypedSearchAttributes: &options.TypedSearchAttributes,
			}, nil
		},
	})
}

func (a *app) printApplied(all []applied) error {
	if a.output != "table" {
		return a.printJSON(all)
	}
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for _, d := range all {
		state := ""
		if d.Paused {
			state = "paused"
		}
		fmt.Fprintf(table, "%s\t%s:%s\t%s\t%s\t%s\n", d.ID, d.Definition, d.Version, d.Result, d.Schedule, state)
	}
	return table.Flush()
}
