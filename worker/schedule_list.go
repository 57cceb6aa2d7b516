package worker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"lazaret.dev/lazaret/activities/contract"
)

// scheduleEntry is one schedule in a list of all.
type scheduleEntry struct {
	ID         string    `json:"id"`
	Definition string    `json:"definition"`
	Version    string    `json:"version"`
	Paused     bool      `json:"paused"`
	Note       string    `json:"note,omitempty"`
	Last       time.Time `json:"last,omitzero"` // start
	Next       time.Time `json:"next,omitzero"` // absent for after and on
}

func (a *app) scheduleListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List schedules, with their last and next start",
		Example: `  lazaret schedule list
  lazaret schedule list --output json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.withTable(cmd.Context(), a.listSchedules) },
	}
	a.tableFlag(cmd)
	return cmd
}

func (a *app) listSchedules(ctx context.Context, s *session) error {
	all, err := s.schedules(ctx)
	if err != nil {
		return temporalError(err)
	}
	if a.output != "table" {
		return a.printJSON(all)
	}
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "DEFINITION\tVERSION\tSTATE\tLAST\tNEXT\tNOTE")
	for _, e := range all {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", e.Definition, e.Version, pauseState(e.Paused), clock(e.Last), clock(e.Next), e.Note)
	}
	return table.Flush()
}

func pauseState(paused bool) string {
	if paused {
		return "paused"
	}
	return "active"
}

// clock is a moment for people, or a dash.
func clock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format(time.DateTime)
}

// schedules lists those of definitions, by name.
func (s *session) schedules(ctx context.Context) ([]scheduleEntry, error) {
	all := []scheduleEntry{}
	list, err := s.ScheduleClient().List(ctx, client.ScheduleListOptions{PageSize: 500})
	if err != nil {
		return nil, err
	}
	for list.HasNext() {
		entry, err := list.Next()
		if err != nil {
			return nil, err
		}
		definition := keyword(entry.SearchAttributes, contract.AttributeDefinition)
		if definition == "" {
			continue // somebody else's
		}
		e := scheduleEntry{
			ID: entry.ID, Definition: definition, Version: keyword(entry.SearchAttributes, contract.AttributeVersion),
			Paused: entry.Paused, Note: entry.Note,
		}
		if last := len(entry.RecentActions); last > 0 {
			e.Last = entry.RecentActions[last-1].ActualTime
		}
		if len(entry.NextActionTimes) > 0 && !entry.Paused && entry.WorkflowType.Name != contract.After {
			e.Next = entry.NextActionTimes[0]
		}
		all = append(all, e)
	}
	byEvents, err := s.eventSchedules(ctx)
	if err != nil {
		return nil, err
	}
	all = append(all, byEvents...)
	slices.SortFunc(all, func(a, b scheduleEntry) int { return strings.Compare(a.Definition, b.Definition) })
	return all, nil
}

// keyword reads a keyword search attribute; absent is empty.
func keyword(attributes *commonpb.SearchAttributes, name string) string {
	var value string
	payload := attributes.GetIndexedFields()[name]
	if payload == nil || converter.GetDefaultDataConverter().FromPayload(payload, &value) != nil {
		return ""
	}
	return value
}
