package worker

import (
	"context"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"lazaret.dev/lazaret/activities/contract"
)

func (a *app) violationsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "violations",
		Short: "See what definitions tried beyond their policy",
		Long: `Every forbidden act that a kernel, a proxy, a broker or a worker has seen is
recorded in the ledger of its definition: the newest 256 of each, those that count
before those that do not. All of them stand in the audit log.`,
		Example: `  lazaret violations list demo/report
  lazaret violations show demo/report 4f0c2a`,
	}
	cmd.AddCommand(a.violationsListCommand(), a.violationsShowCommand())
	return group(cmd)
}

func (a *app) violationsListCommand() *cobra.Command {
	var severity string
	cmd := &cobra.Command{
		Use:   "list [NAMESPACE/NAME]",
		Short: "List the violations of one definition, or of all, the newest last",
		Example: `  lazaret violations list
  lazaret violations list demo/report --severity High --output json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError(fmt.Errorf("expected at most NAMESPACE/NAME, got %d arguments", len(args)))
			}
			return nil
		},
		ValidArgsFunction: a.completeLedgers(ledgerStates...),
		RunE: func(cmd *cobra.Command, args []string) error {
			if severity != "" && !slices.Contains(severities, severity) {
				return invalid("use Low, Medium, High or Critical", "--severity %q is unknown", severity)
			}
			return a.withTable(cmd.Context(), func(ctx context.Context, s *session) error {
				return a.listViolations(ctx, s, args, severity)
			})
		},
	}
	cmd.Flags().StringVar(&severity, "severity", "", "only of this severity: Low, Medium, High, Critical")
	_ = cmd.RegisterFlagCompletionFunc("severity", cobra.FixedCompletions(severities, cobra.ShellCompDirectiveNoFileComp))
	a.tableFlag(cmd)
	return cmd
}

// violationEntry is one violation with its definition.
type violationEntry struct {
	Definition string `json:"definition"`
	contract.Violation
}

func (a *app) listViolations(ctx context.Context, s *session, names []string, severity string) error {
	if len(names) == 0 {
		entries, err := s.ledgers().List(ctx, 0)
		if err != nil {
			return temporalError(err)
		}
		for _, e := range entries {
			names = append(names, e.Name)
		}
	}
	all := []violationEntry{}
	for _, name := range names {
		namespace, short, err := parseIdentity(name)
		if err != nil {
			return err
		}
		l, err := s.ledgers().Ledger(ctx, namespace, short)
		if err != nil {
			return ledgerError(name, err)
		}
		for _, v := range l.Violations {
			if severity == "" || v.Severity == severity {
				all = append(all, violationEntry{name, v})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b violationEntry) int { return a.At.Compare(b.At) })
	if a.output != "table" {
		return a.printJSON(all)
	}
	table := tabwriter.NewWriter(a.screen(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TIME\tDEFINITION\tSEVERITY\tTYPE\tSUBJECT\tCOUNT\tACTION\tID")
	for _, v := range all {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s %s\t%d\t%s\t%.12s\n", v.At.Local().Format(time.DateTime), v.Definition, v.Severity, v.Type, v.Syscall, v.Subject, v.Count, v.Action, v.ID)
	}
	return table.Flush()
}

func (a *app) violationsShowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:               "show NAMESPACE/NAME ID",
		Short:             "Show one violation; the beginning of its id is enough",
		Example:           `  lazaret violations show demo/report 4f0c2a`,
		Args:              exactly("NAMESPACE/NAME", "ID"),
		ValidArgsFunction: a.completeLedgers(ledgerStates...),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withLedger(cmd.Context(), args[0], func(l contract.Ledger) error {
				found := slices.DeleteFunc(slices.Clone(l.Violations), func(v contract.Violation) bool {
					return len(args[1]) > len(v.ID) || v.ID[:len(args[1])] != args[1]
				})
				if len(found) != 1 {
					return invalid("lazaret violations list "+args[0]+" shows the ids", "%d violations of %s have an id that begins with %q", len(found), args[0], args[1])
				}
				return a.printViolation(violationEntry{args[0], found[0]})
			})
		},
	}
	a.tableFlag(cmd)
	return cmd
}

// processOf shows the process that a violation is of; nothing where it is none.
func processOf(v contract.Violation) string {
	if v.PID == 0 {
		return ""
	}
	return fmt.Sprintf("%d %s", v.PID, v.Command)
}

func (a *app) printViolation(v violationEntry) error {
	if a.output != "table" {
		return a.printJSON(v)
	}
	for _, field := range [][2]string{
		{"id", v.ID},
		{"definition", v.Definition + ":" + v.Version},
		{"digest", v.Digest},
		{"script", v.Script},
		{"type", v.Type},
		{"severity", v.Severity},
		{"subject", v.Subject},
		{"syscall", v.Syscall},
		{"count", fmt.Sprint(v.Count)},
		{"action", v.Action},
		{"process", processOf(v.Violation)},
		{"time", v.At.Local().Format(time.DateTime)},
		{"execution", v.Execution},
		{"task", v.Task},
		{"level", v.Level},
		{"policy", v.Policy},
	} {
		if field[1] != "" {
			fmt.Fprintf(a.screen(), "%-12s%s\n", field[0], oneLine(field[1]))
		}
	}
	return nil
}
