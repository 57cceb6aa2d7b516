package worker

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/worker/incident"
)

func (a *app) incidentCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "incident",
		Short: "Follow an incident from what was found to what was learned of it",
		Long: `Whatever puts a definition into quarantine opens an incident; so does an alert about
one that is left to people. It is detected, contained once every worker knows, then
eradicated, recovered by the release, and closed when all that has to be written down
is: cause, fix, policy update, rules, training, lessons.`,
		Example: `  lazaret incident list --open
  lazaret incident show demo.report-20261126T101500.000
  lazaret incident update demo.report-20261126T101500.000 --state eradicated --reviewer ada \
    --cause "a wheel that reads /etc/shadow" --fix "1.2.0 is without it"
  lazaret incident report demo.report-20261126T101500.000 > incident.md`,
	}
	cmd.AddCommand(a.incidentListCommand(), a.incidentShowCommand(), a.incidentUpdateCommand(), a.incidentCloseCommand(), a.incidentReportCommand())
	return group(cmd)
}

func (a *app) incidentListCommand() *cobra.Command {
	var open bool
	cmd := &cobra.Command{
		Use:   "list [NAMESPACE/NAME]",
		Short: "List the incidents of one definition, or of all, the newest first",
		Example: `  lazaret incident list --open
  lazaret incident list demo/report --output json | jq -r '.[].id'`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError(fmt.Errorf("expected at most NAMESPACE/NAME, got %d arguments", len(args)))
			}
			return nil
		},
		ValidArgsFunction: a.completeLedgers(ledgerStates...),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withTable(cmd.Context(), func(ctx context.Context, s *session) error {
				found, err := s.incidents(ctx, args)
				if err != nil {
					return err
				}
				if open {
					found = slices.DeleteFunc(found, func(l incident.Line) bool { return l.State == contract.IncidentClosed })
				}
				return a.printIncidents(found)
			})
		},
	}
	cmd.Flags().BoolVar(&open, "open", false, "only those that are not closed")
	a.tableFlag(cmd)
	return cmd
}

// incidents are those of one definition, or of all.
func (s *session) incidents(ctx context.Context, names []string) ([]incident.Line, error) {
	if len(names) == 0 {
		entries, err := s.ledgers().List(ctx, 0)
		if err != nil {
			return nil, temporalError(err)
		}
		for _, e := range entries {
			names = append(names, e.Name)
		}
	}
	found := []incident.Line{}
	for _, name := range names {
		l, err := s.ledgerOf(ctx, name)
		if err != nil {
			return nil, err
		}
		for _, i := range l.Incidents {
			found = append(found, incident.Line{Definition: name, LedgerIncident: i})
		}
	}
	slices.SortFunc(found, func(a, b incident.Line) int { return incident.Newest(a.LedgerIncident, b.LedgerIncident) })
	return found, nil
}

func (s *session) ledgerOf(ctx context.Context, name string) (contract.Ledger, error) {
	namespace, short, err := parseIdentity(name)
	if err != nil {
		return contract.Ledger{}, err
	}
	l, err := s.ledgers().Ledger(ctx, namespace, short)
	if err != nil {
		return l, ledgerError(name, err)
	}
	return l, nil
}

func (a *app) printIncidents(found []incident.Line) error {
	if a.output != "table" {
		return a.printJSON(found)
	}
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tDEFINITION\tSTATE\tTYPE\tDETECTED BY\tOPENED\tVIOLATIONS")
	for _, i := range found {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%d\n", i.ID, i.Definition, i.State, strings.Join(i.Types, ","), i.DetectedBy, i.Opened.Local().Format(time.DateTime), len(i.Violations))
	}
	return table.Flush()
}

func (a *app) incidentShowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:               "show ID",
		Short:             "Show where an incident stands, and what is missing to close it",
		Example:           `  lazaret incident show demo.report-20261126T101500.000`,
		Args:              exactly("ID"),
		ValidArgsFunction: a.completeIncidents(""),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withTable(cmd.Context(), func(ctx context.Context, s *session) error {
				l, i, err := s.incident(ctx, args[0])
				if err != nil {
					return err
				}
				if a.output != "table" {
					return a.printJSON(incident.Line{Definition: l.Namespace + "/" + l.Name, LedgerIncident: i})
				}
				a.printIncident(l, i)
				return nil
			})
		},
	}
	a.tableFlag(cmd)
	return cmd
}

// incidentID is NAMESPACE.NAME-TIME.
var incidentID = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]*[a-z0-9])?)\.([a-z0-9]([a-z0-9-]*[a-z0-9])?)-\d{8}T\d{6}\.\d{3}$`)

// incident finds one by its id.
func (s *session) incident(ctx context.Context, id string) (contract.Ledger, contract.LedgerIncident, error) {
	const hint = "lazaret incident list shows the ids"
	parts := incidentID.FindStringSubmatch(id)
	if parts == nil {
		return contract.Ledger{}, contract.LedgerIncident{}, invalid(hint, "%q is not the id of an incident", id)
	}
	l, err := s.ledgerOf(ctx, parts[1]+"/"+parts[3])
	if err != nil {
		return l, contract.LedgerIncident{}, err
	}
	i, found := incident.Find(l, id)
	if !found {
		return l, i, invalid(hint, "%s/%s has no incident %q", l.Namespace, l.Name, id)
	}
	return l, i, nil
}

func (a *app) printIncident(l contract.Ledger, i contract.LedgerIncident) {
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(a.screen(), "%-15s%s\n", name, oneLine(value))
		}
	}
	line("incident", i.ID)
	line("definition", fmt.Sprintf("%s/%s, %s", l.Namespace, l.Name, l.State))
	line("state", i.State)
	line("detected", fmt.Sprintf("%s by %s", i.Opened.Local().Format(time.DateTime), i.DetectedBy))
	line("type", strings.Join(i.Types, ", "))
	line("reason", i.Reason)
	line("violations", fmt.Sprint(len(i.Violations)))
	for _, finding := range incident.Findings {
		line(finding.Name, *finding.Of(&i.IncidentFindings))
	}
	for _, e := range i.Evidence {
		line("evidence", e.File+" "+e.SHA256)
	}
	for _, s := range i.Steps {
		by := ""
		if s.By != "" {
			by = " by " + s.By
		}
		line("", fmt.Sprintf("%s  %s%s: %s", s.At.Local().Format(time.DateTime), s.State, by, s.Note))
	}
	if missing := incident.New(l, i, nil, nil).Missing; len(missing) > 0 {
		line("to be written", strings.Join(missing, ", "))
	}
}

// incidentFlags are what update and close share.
func (a *app) incidentFlags(cmd *cobra.Command, r *contract.IncidentRequest, evidence *string) {
	flags := cmd.Flags()
	flags.StringVar(&r.Reviewer, "reviewer", "", "who has looked into it")
	flags.StringVar(&r.Note, "note", "", "what happened; it stands in the timeline")
	for _, finding := range incident.Findings {
		flags.StringVar(finding.Of(&r.IncidentFindings), finding.Name, "", finding.Question)
	}
	flags.StringVar(evidence, "evidence", "", "a bundle, as lazaret evidence makes one, that belongs to it; it is verified, and its SHA-256 noted")
}

func (a *app) incidentUpdateCommand() *cobra.Command {
	var r contract.IncidentRequest
	var evidence string
	cmd := &cobra.Command{
		Use:   "update ID",
		Short: "Note what is known of an incident, and move it on",
		Long: `Update notes findings, a note or a bundle of evidence, and moves the incident on:

  detected    → contained    needs --note (one that no quarantine belongs to)
  contained   → eradicated   needs --reviewer, --cause, --fix
  contained   → recovered    needs --reviewer, --note; the release of a quarantine does it
  eradicated  → recovered    likewise

Findings that were noted before count. lazaret incident close ends it.`,
		Example: `  lazaret incident update demo.report-20261126T101500.000 --note "the author is told"
  lazaret incident update demo.report-20261126T101500.000 --state eradicated --reviewer ada \
    --cause "a wheel that reads /etc/shadow" --fix "1.2.0 is without it"
  lazaret incident update demo.report-20261126T101500.000 --evidence demo-report.tar.zst`,
		Args:              exactly("ID"),
		ValidArgsFunction: a.completeIncidents(contract.IncidentClosed),
		RunE: func(cmd *cobra.Command, args []string) error {
			if r.State != "" && !slices.Contains(contract.IncidentStates, r.State) {
				return invalid("use "+strings.Join(contract.IncidentStates[1:], ", "), "--state %q is unknown", r.State)
			}
			return a.changeIncident(cmd.Context(), args[0], r, evidence)
		},
	}
	cmd.Flags().StringVar(&r.State, "state", "", "the state to move to: contained, eradicated, recovered")
	_ = cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(contract.IncidentStates[1:], cobra.ShellCompDirectiveNoFileComp))
	a.incidentFlags(cmd, &r, &evidence)
	a.tableFlag(cmd)
	return cmd
}

func (a *app) incidentCloseCommand() *cobra.Command {
	r := contract.IncidentRequest{State: contract.IncidentClosed}
	var evidence string
	cmd := &cobra.Command{
		Use:   "close ID --reviewer NAME",
		Short: "End an incident of which all is written down",
		Long: `Close ends an incident that is recovered. Cause, fix, policy update, rules, training
and lessons have to be written down, now or before. Nothing of a closed incident
changes any more.`,
		Example: `  lazaret incident close demo.report-20261126T101500.000 --reviewer ada \
    --policy-update "the wheel is not allowed" --rules "lock files are reviewed" \
    --training "none: the author is a supplier" --lessons "pin what is fetched"`,
		Args:              exactly("ID"),
		ValidArgsFunction: a.completeIncidents(contract.IncidentClosed),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.changeIncident(cmd.Context(), args[0], r, evidence)
		},
	}
	a.incidentFlags(cmd, &r, &evidence)
	a.tableFlag(cmd)
	return cmd
}

func (a *app) changeIncident(ctx context.Context, id string, r contract.IncidentRequest, evidence string) error {
	r.ID, r.By = id, publisher()
	if evidence != "" {
		var err error
		if r.Evidence, err = evidenceOf(evidence); err != nil {
			return err
		}
	}
	return a.withTable(ctx, func(ctx context.Context, s *session) error {
		l, _, err := s.incident(ctx, id)
		if err != nil {
			return err
		}
		i, err := s.ledgers().Incident(ctx, l.Namespace, l.Name, r)
		if err != nil {
			err = ledgerError(l.Namespace+"/"+l.Name, err)
			if exit, ok := errors.AsType[*exitError](err); ok && exit.code == exitInvalid {
				exit.hint = "lazaret incident show " + id + " shows where it stands and what is missing"
			}
			return err
		}
		if a.output != "table" {
			return a.printJSON(incident.Line{Definition: l.Namespace + "/" + l.Name, LedgerIncident: i})
		}
		fmt.Fprintf(a.stdout, "%s is %s\n", id, i.State)
		return nil
	})
}

// completeIncidents completes the ids of incidents that are not in a state.
func (a *app) completeIncidents(but string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var ids []string
		err := a.withSession(cmd.Context(), func(ctx context.Context, s *session) error {
			found, err := s.incidents(ctx, nil)
			for _, i := range found {
				if i.State != but {
					ids = append(ids, i.ID)
				}
			}
			return err
		})
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		return ids, cobra.ShellCompDirectiveNoFileComp
	}
}
