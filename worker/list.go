package worker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"

	"lazaret.dev/lazaret/activities/contract"
)

// execution is one execution as list and describe print it.
type executionInfo struct {
	ID         string    `json:"id"`
	Definition string    `json:"definition"`
	Version    string    `json:"version,omitempty"`
	Digest     string    `json:"digest,omitempty"`
	Status     string    `json:"status"`
	Started    time.Time `json:"started"`
	Ended      time.Time `json:"ended,omitzero"`
	Run        string    `json:"-"` // Temporal's run id
}

type listFlags struct {
	definition, status string
	limit              int
	awaiting           bool // approval
}

func (a *app) listCommand() *cobra.Command {
	var flags listFlags
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List executions, the newest first",
		Example: `  lazaret list
  lazaret list --definition demo/hello --status running
  lazaret list --awaiting-approval
  lazaret list --output json | jq '.[].id'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.checkTableFlags(); err != nil {
				return err
			}
			return a.withSession(cmd.Context(), func(ctx context.Context, s *session) error {
				return a.list(ctx, s, flags)
			})
		},
	}
	cmd.Flags().StringVar(&flags.definition, "definition", "", "only of this NAMESPACE/NAME")
	cmd.Flags().StringVar(&flags.status, "status", "", "only with this status: running, completed, failed, canceled, terminated, timedout")
	_ = cmd.RegisterFlagCompletionFunc("definition", a.completeDefinitions)
	_ = cmd.RegisterFlagCompletionFunc("status", cobra.FixedCompletions(
		[]string{"running", "completed", "failed", "canceled", "terminated", "timedout"}, cobra.ShellCompDirectiveNoFileComp))
	cmd.Flags().BoolVar(&flags.awaiting, "awaiting-approval", false, "only those that wait for lazaret approve or reject")
	cmd.Flags().IntVar(&flags.limit, "limit", 50, "at most this many")
	a.tableFlag(cmd)
	return cmd
}

// tableFlag adds --output to a command that prints a table for people.
func (a *app) tableFlag(cmd *cobra.Command) {
	cmd.Flags().StringP("output", "o", "table", "print a table, json or yaml")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"table", "json", "yaml"}, cobra.ShellCompDirectiveNoFileComp))
}

func (a *app) checkTableFlags() error {
	switch a.output {
	case "table", "json", "yaml":
		return a.checkLogFlags()
	}
	return invalid("use table, json or yaml", "--output %q is unknown", a.output)
}

func (a *app) list(ctx context.Context, s *session, flags listFlags) error {
	query, err := flags.query()
	if err != nil {
		return err
	}
	found, err := s.find(ctx, query, flags.limit)
	if err != nil {
		return err
	}
	if a.output != "table" {
		return a.printJSON(found)
	}
	table := tabwriter.NewWriter(a.screen(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tDEFINITION\tVERSION\tSTATUS\tSTARTED")
	for _, e := range found {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", e.ID, e.Definition, e.Version, e.Status, e.Started.Local().Format(time.DateTime))
	}
	return table.Flush()
}

// statuses are Temporal's, by the word that --status takes.
var statuses = map[string]string{
	"running": "Running", "completed": "Completed", "failed": "Failed", "faulted": "Failed",
	"canceled": "Canceled", "cancelled": "Canceled", "terminated": "Terminated", "timedout": "TimedOut",
}

// query is the visibility query: executions of definitions alone, not detached processes.
func (f listFlags) query() (string, error) {
	query := contract.AttributeDefinition + " IS NOT NULL"
	if f.definition != "" {
		if strings.ContainsAny(f.definition, `'"\`) {
			return "", invalid("", "--definition %q is not of the form NAMESPACE/NAME", f.definition)
		}
		query = fmt.Sprintf("%s = '%s'", contract.AttributeDefinition, f.definition)
	}
	if f.awaiting {
		query += fmt.Sprintf(" AND %s = '%s' AND ExecutionStatus = 'Running'", contract.AttributeState, contract.AwaitingApproval)
	}
	if f.status == "" {
		return query, nil
	}
	status, ok := statuses[strings.ToLower(f.status)]
	if !ok {
		return "", invalid("use running, completed, failed, canceled, terminated or timedout", "--status %q is unknown", f.status)
	}
	return fmt.Sprintf("%s AND ExecutionStatus = '%s'", query, status), nil
}

func (s *session) find(ctx context.Context, query string, limit int) ([]executionInfo, error) {
	found := []executionInfo{}
	var token []byte
	for len(found) < limit {
		page, err := s.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			Query: query, PageSize: int32(min(limit-len(found), 500)), NextPageToken: token, //nolint:gosec // at most 500
		})
		if err != nil {
			return nil, temporalError(err)
		}
		for _, info := range page.GetExecutions() {
			found = append(found, describeInfo(info))
		}
		if token = page.GetNextPageToken(); len(token) == 0 {
			break
		}
	}
	return found, nil
}

func describeInfo(info *workflow.WorkflowExecutionInfo) executionInfo {
	e := executionInfo{
		ID:         info.GetExecution().GetWorkflowId(),
		Run:        info.GetExecution().GetRunId(),
		Definition: definitionOf(info),
		Version:    attribute(info, contract.AttributeVersion),
		Digest:     attribute(info, contract.AttributeDigest),
		Status:     strings.ToLower(info.GetStatus().String()),
		Started:    info.GetStartTime().AsTime(),
	}
	if info.GetCloseTime() != nil {
		e.Ended = info.GetCloseTime().AsTime()
	}
	return e
}

// definitionOf is NAMESPACE/NAME: the workflow type, unless that names a version as well.
func definitionOf(info *workflow.WorkflowExecutionInfo) string {
	if name := attribute(info, contract.AttributeDefinition); name != "" {
		return name
	}
	return info.GetType().GetName()
}

// attribute reads a keyword search attribute; absent is empty.
func attribute(info *workflow.WorkflowExecutionInfo, name string) string {
	var value string
	payload := info.GetSearchAttributes().GetIndexedFields()[name]
	if payload == nil || converter.GetDefaultDataConverter().FromPayload(payload, &value) != nil {
		return ""
	}
	return value
}

// completeIDs completes the ids of the newest executions.
func (a *app) completeIDs(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var ids []string
	err := a.withSession(cmd.Context(), func(ctx context.Context, s *session) error {
		found, err := s.find(ctx, contract.AttributeDefinition+" IS NOT NULL", 50)
		for _, e := range found {
			if !slices.Contains(ids, e.ID) { // of the runs of one execution
				ids = append(ids, e.ID)
			}
		}
		return err
	})
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}
