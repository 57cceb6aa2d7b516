package worker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/query"
	"lazaret.dev/lazaret/policies"
)

func (a *app) eventsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "events",
		Short: "See who listens to events, and which were rejected",
		Example: `  lazaret events rejected
  lazaret events listeners
  lazaret events check rules.yaml`,
	}
	cmd.AddCommand(a.eventsRejectedCommand(), a.eventsListenersCommand(), a.eventsCheckCommand(), a.eventsSchemaCommand())
	return group(cmd)
}

func (a *app) eventsRejectedCommand() *cobra.Command {
	var check, sender string
	cmd := &cobra.Command{
		Use:   "rejected",
		Short: "List the events rejected last, the newest last",
		Long: `Rejected lists the newest events that were rejected, or not delivered to one of
their targets, with the check that did so: form, sender, rate, rule, type, size,
filter, queue or delivery. Older ones stand in the worker's log.`,
		Example: `  lazaret events rejected
  lazaret events rejected --check rule --output json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if check != "" && !slices.Contains(eventChecks, check) {
				return invalid("use "+strings.Join(eventChecks, ", "), "--check %q is unknown", check)
			}
			return a.withReport(cmd.Context(), func(report contract.EventsReport) error {
				found := []contract.Rejection{}
				for _, one := range report.Rejected {
					if (check == "" || one.Check == check) && (sender == "" || one.Sender == sender) {
						found = append(found, one)
					}
				}
				return a.printRejected(found)
			})
		},
	}
	cmd.Flags().StringVar(&check, "check", "", "only by this check")
	cmd.Flags().StringVar(&sender, "sender", "", "only of this sender: NAMESPACE/NAME, @cli, @http/NAME, @lifecycle or @libvirt")
	a.tableFlag(cmd)
	return cmd
}

// eventChecks are those by which a rejection goes.
var eventChecks = []string{
	contract.CheckForm, contract.CheckSender, contract.CheckRate, contract.CheckRule, contract.CheckType, contract.CheckSize,
	contract.CheckFilter, contract.CheckQueue, contract.CheckDelivery,
}

func (a *app) printRejected(found []contract.Rejection) error {
	if a.output != "table" {
		return a.printJSON(found)
	}
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TIME\tCHECK\tSENDER\tTARGET\tTYPE\tID\tDETAIL")
	for _, r := range found {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%q\t%q\t%q\n", r.Time, r.Check, r.Sender, r.Target, r.Type, r.ID, r.Detail)
	}
	return table.Flush()
}

func (a *app) eventsListenersCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "listeners",
		Short:   "List the executions that events are delivered to",
		Example: `  lazaret events listeners`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withReport(cmd.Context(), func(report contract.EventsReport) error {
				if a.output != "table" {
					return a.printJSON(report.Listeners)
				}
				table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
				fmt.Fprintln(table, "EXECUTION\tDEFINITION\tWAITING\tQUEUE")
				for _, l := range report.Listeners {
					fmt.Fprintf(table, "%s\t%s\t%d\t%d\n", l.Execution, l.Identity, l.Waiting, l.Queue)
				}
				return table.Flush()
			})
		},
	}
	a.tableFlag(cmd)
	return cmd
}

// withReport asks the router; one that has never run has nothing to report.
func (a *app) withReport(ctx context.Context, show func(contract.EventsReport) error) error {
	if err := a.checkTableFlags(); err != nil {
		return err
	}
	return a.withSession(ctx, func(ctx context.Context, s *session) error {
		report, err := s.eventsReport(ctx)
		if err != nil {
			return err
		}
		return show(report)
	})
}

func (s *session) eventsReport(ctx context.Context) (contract.EventsReport, error) {
	report := contract.EventsReport{Rejected: []contract.Rejection{}, Listeners: []contract.ListenerInfo{}}
	err := query.Workflow(ctx, s.Client, contract.EventRouterID, contract.EventsQuery, &report)
	if _, none := err.(*serviceerror.NotFound); none { //nolint:errorlint // as the SDK returns it
		return report, nil
	}
	if err != nil {
		return report, temporalError(err)
	}
	return report, nil
}

func (a *app) eventsCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE",
		Short: "Check a file of event rules, and say what is broad in it",
		Long: `Check reads a file as --event-rules would. What permits more than most need is
printed on stderr, one line each; the exit code tells whether the file is valid.`,
		Example: `  lazaret events check rules.yaml`,
		Args:    exactly("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			rules, _, err := readEventRules(args[0])
			if err != nil {
				return err
			}
			for _, broad := range rules.Broad() {
				fmt.Fprintln(a.stderr, "broad: "+broad)
			}
			fmt.Fprintf(a.stderr, "%s: %d rules, %d sinks\n", args[0], len(rules.Rules), len(rules.Sinks))
			return nil
		},
	}
}

func (a *app) eventsSchemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "schema",
		Short:   "Print the JSON Schema of event rules",
		Example: `  lazaret events schema > event-rules.schema.json`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := a.stdout.Write(policies.EventSchema())
			return err
		},
	}
}
