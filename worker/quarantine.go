package worker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/ledger"
)

func (a *app) quarantineCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "quarantine",
		Short: "See which definitions are put away, put one away, release one",
		Long: `A definition whose scripts do what they must not is put into quarantine: its
executions hold, and no worker runs anything of it, until somebody who has looked
into it releases it. It can be put there by hand too.`,
		Example: `  lazaret quarantine list
  lazaret quarantine show demo/report
  lazaret quarantine add demo/report --reason "sends odd requests"
  lazaret quarantine release demo/report --reviewer ada --reason "fixed in 1.2.0"`,
	}
	cmd.AddCommand(a.quarantineListCommand(), a.quarantineShowCommand(), a.quarantineAddCommand(), a.quarantineReviewCommand(), a.quarantineReleaseCommand())
	return group(cmd)
}

func (s *session) ledgers() ledger.Store { return ledger.Store{Client: s.Client} }

var ledgerStates = []string{contract.LedgerActive, contract.LedgerQuarantined, contract.LedgerPendingReview, contract.LedgerReleased}

func (a *app) quarantineListCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the definitions in quarantine, and those that are watched after one",
		Example: `  lazaret quarantine list
  lazaret quarantine list --all --output json | jq -r '.[] | select(.violations > 0).name'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withTable(cmd.Context(), func(ctx context.Context, s *session) error {
				states := ledgerStates[1:]
				if all {
					states = ledgerStates
				}
				return a.listLedgers(ctx, s, states)
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "every definition of which something is recorded")
	a.tableFlag(cmd)
	return cmd
}

func (a *app) listLedgers(ctx context.Context, s *session, states []string) error {
	entries, err := s.ledgers().List(ctx, 0, states...)
	if err != nil {
		return temporalError(err)
	}
	if a.output != "table" {
		return a.printJSON(entries)
	}
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "DEFINITION\tSTATE\tVIOLATIONS")
	for _, e := range entries {
		fmt.Fprintf(table, "%s\t%s\t%d\n", e.Name, e.State, e.Violations)
	}
	return table.Flush()
}

func (a *app) quarantineShowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:               "show NAMESPACE/NAME",
		Short:             "Show where a definition stands, and how it came there",
		Example:           `  lazaret quarantine show demo/report`,
		Args:              exactly("NAMESPACE/NAME"),
		ValidArgsFunction: a.completeLedgers(ledgerStates...),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withLedger(cmd.Context(), args[0], func(l contract.Ledger) error {
				l.Violations, l.Seen = nil, nil
				if a.output != "table" {
					return a.printJSON(l)
				}
				a.printLedger(l)
				return nil
			})
		},
	}
	a.tableFlag(cmd)
	return cmd
}

// withLedger reads one ledger for a command that prints a table.
func (a *app) withLedger(ctx context.Context, name string, show func(contract.Ledger) error) error {
	namespace, short, err := parseIdentity(name)
	if err != nil {
		return err
	}
	return a.withTable(ctx, func(ctx context.Context, s *session) error {
		l, err := s.ledgers().Ledger(ctx, namespace, short)
		if err != nil {
			return ledgerError(name, err)
		}
		return show(l)
	})
}

func parseIdentity(text string) (namespace, name string, err error) {
	reference, err := parseReference(text)
	if err == nil && reference.Version != "" {
		err = invalid("all its versions are one definition: "+reference.Namespace+"/"+reference.Name, "%q names a version", text)
	}
	return reference.Namespace, reference.Name, err
}

// ledgerError says what a ledger refused, and why.
func ledgerError(name string, err error) error {
	if errors.Is(err, ledger.ErrNoLedger) {
		return invalid("lazaret quarantine list --all shows all of which something is recorded", "%s: %w", name, err)
	}
	if refused, ok := errors.AsType[*ledger.Refusal](err); ok {
		if refused.ByPolicy {
			return &exitError{code: exitRefused, err: refused, hint: "lazaret policy explain shows which rule says so"}
		}
		return &exitError{code: exitInvalid, err: refused, hint: "lazaret quarantine show " + name + " shows where it stands"}
	}
	return temporalError(err)
}

func (a *app) printLedger(l contract.Ledger) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(a.screen(), "%-12s%s\n", name, oneLine(fmt.Sprintf(format, args...)))
	}
	line("definition", "%s/%s", l.Namespace, l.Name)
	line("state", "%s since %s", l.State, l.Since.Local().Format(time.DateTime))
	if l.Reason != "" {
		line("reason", "%s", l.Reason)
	}
	if l.By != "" {
		line("by", "%s", l.By)
	}
	if l.Incident != "" {
		line("incident", "%s", l.Incident)
	}
	if !l.WatchUntil.IsZero() {
		line("watched", "until %s", l.WatchUntil.Local().Format(time.DateTime))
	}
	if l.Limit == 0 { // nothing was judged by it yet
		line("violations", "%d", l.Total)
	} else {
		line("violations", "%d, of which %d count; the limit is %d", l.Total, l.Counted, l.Limit)
	}
	if l.Consecutive > 0 {
		line("errors", "%d executions in a row, %d of them critical", l.Consecutive, l.Critical)
	}
	if l.Refused > 0 {
		line("forged", "%d reports refused", l.Refused)
	}
	for _, v := range l.Versions {
		line("version", "%s (%.12s)", v.Version, v.Digest)
	}
	for _, f := range l.Failures {
		line("error", "%s  %s %s %s %s", f.At.Local().Format(time.DateTime), f.Code, f.Execution, f.Task, f.Action)
	}
	for _, r := range l.Related {
		line("related", "its %s %s/%s was %s at %s", r.Relation, r.Namespace, r.Name, r.State, r.At.Local().Format(time.DateTime))
	}
	for _, t := range l.Transitions {
		by := ""
		if t.By != "" {
			by = " by " + t.By
		}
		line("", "%s  %s → %s%s: %s", t.At.Local().Format(time.DateTime), t.From, t.To, by, t.Reason)
	}
}

func (a *app) quarantineAddCommand() *cobra.Command {
	var r contract.LedgerRequest
	cmd := &cobra.Command{
		Use:   "add NAMESPACE/NAME --reason TEXT",
		Short: "Put a definition into quarantine by hand",
		Long: `Add puts a definition away at once: running executions hold with their scripts
killed, or fault, and nothing of it starts until it is released. One that is away
already stays so.`,
		Example:           `  lazaret quarantine add demo/report --reason "sends odd requests"`,
		Args:              exactly("NAMESPACE/NAME"),
		ValidArgsFunction: a.completeDefinitions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.changeLedger(cmd.Context(), args[0], r, ledger.Store.Add)
		},
	}
	cmd.Flags().StringVar(&r.Reason, "reason", "", "why; it stands in the ledger and in the audit log")
	cmd.Flags().StringVar(&r.Action, "action", "", "what becomes of running executions: hold or fault (default the policy's)")
	_ = cmd.RegisterFlagCompletionFunc("action", cobra.FixedCompletions([]string{"hold", "fault"}, cobra.ShellCompDirectiveNoFileComp))
	a.tableFlag(cmd)
	return cmd
}

func (a *app) quarantineReviewCommand() *cobra.Command {
	var r contract.LedgerRequest
	cmd := &cobra.Command{
		Use:   "review NAMESPACE/NAME --reviewer NAME --reason TEXT",
		Short: "Note that somebody looks into a definition in quarantine",
		Long: `Review moves a definition from quarantined to pending-review. It stays put away
until it is released.`,
		Example:           `  lazaret quarantine review demo/report --reviewer ada --reason "ticket 4711"`,
		Args:              exactly("NAMESPACE/NAME"),
		ValidArgsFunction: a.completeLedgers(contract.LedgerQuarantined),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.changeLedger(cmd.Context(), args[0], r, ledger.Store.Review)
		},
	}
	a.reviewFlags(cmd, &r)
	a.tableFlag(cmd)
	return cmd
}

func (a *app) reviewFlags(cmd *cobra.Command, r *contract.LedgerRequest) {
	cmd.Flags().StringVar(&r.Reason, "reason", "", "why; it stands in the ledger and in the audit log")
	cmd.Flags().StringVar(&r.Reviewer, "reviewer", "", "who has looked into it")
}

func (a *app) quarantineReleaseCommand() *cobra.Command {
	var r contract.LedgerRequest
	var cancelHeld bool
	cmd := &cobra.Command{
		Use:   "release NAMESPACE/NAME --reviewer NAME --reason TEXT",
		Short: "Let a definition run again, watched",
		Long: `Release ends a quarantine. Executions that hold go on where they stand, or are
cancelled. What the definition did before counts no more, and for a while less is
enough to put it away again. The policy may say who releases, and that its author
does not.`,
		Example: `  lazaret quarantine release demo/report --reviewer ada --reason "fixed in 1.2.0"
  lazaret quarantine release demo/report --reviewer ada --reason "start again" --cancel-held`,
		Args:              exactly("NAMESPACE/NAME"),
		ValidArgsFunction: a.completeLedgers(contract.LedgerQuarantined, contract.LedgerPendingReview),
		RunE: func(cmd *cobra.Command, args []string) error {
			r.Resume = contract.ResumeHeld
			if cancelHeld {
				r.Resume = contract.CancelHeld
			}
			return a.changeLedger(cmd.Context(), args[0], r, ledger.Store.Release)
		},
	}
	a.reviewFlags(cmd, &r)
	cmd.Flags().BoolVar(&cancelHeld, "cancel-held", false, "cancel the executions that hold, instead of letting them go on")
	a.tableFlag(cmd)
	return cmd
}

type ledgerChange func(ledger.Store, context.Context, string, string, contract.LedgerRequest) (contract.LedgerSummary, error)

func (a *app) changeLedger(ctx context.Context, name string, r contract.LedgerRequest, change ledgerChange) error {
	namespace, short, err := parseIdentity(name)
	if err != nil {
		return err
	}
	if strings.TrimSpace(r.Reason) == "" {
		return usageError(errors.New("--reason is missing"))
	}
	r.By = publisher()
	return a.withTable(ctx, func(ctx context.Context, s *session) error {
		summary, err := change(s.ledgers(), ctx, namespace, short, r)
		if err != nil {
			return ledgerError(name, err)
		}
		if a.output != "table" {
			return a.printJSON(summary)
		}
		fmt.Fprintf(a.stdout, "%s is %s\n", name, summary.State)
		return nil
	})
}

// completeLedgers completes the names of definitions in one of the states.
func (a *app) completeLedgers(states ...string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var names []string
		err := a.withSession(cmd.Context(), func(ctx context.Context, s *session) error {
			entries, err := s.ledgers().List(ctx, 200, states...)
			for _, e := range entries {
				names = append(names, e.Name)
			}
			return err
		})
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// checkHeld refuses, before anything starts, what is held. That a definition itself
// is held needs no worker to say so. A Temporal without a worker that could say
// more is no reason not to start: the worker that takes the execution asks again.
func (s *session) checkHeld(ctx context.Context, namespace, name, digest string) error {
	state, err := s.ledgers().State(ctx, namespace, name)
	known := err == nil && contract.LedgerHolds(state)
	patience := checkHeldTimeout
	if known {
		patience = whyHeldTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	detail := namespace + "/" + name + " is in quarantine; see: lazaret quarantine show " + namespace + "/" + name
	if held, err := s.ledgers().Held(ctx); err == nil {
		task := contract.TaskID{Namespace: namespace, Name: name, Digest: digest}
		if h := ledger.Find(held, task, ""); h != nil {
			known, detail = true, ledger.Detail(*h, task, "")
		}
	}
	if !known {
		return nil
	}
	return &contract.Fault{Type: contract.Quarantined, Status: 403, Title: "Quarantined", Detail: detail}
}

// How long to wait for what a worker knows of what is held: where it is not known
// whether anything is, and where only the reason is missing.
const (
	checkHeldTimeout = 2 * time.Second
	whyHeldTimeout   = 10 * time.Second
)
