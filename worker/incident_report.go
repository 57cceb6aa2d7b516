package worker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/evidence"
	"lazaret.dev/lazaret/worker/incident"
)

func (a *app) incidentReportCommand() *cobra.Command {
	limit := 100
	cmd := &cobra.Command{
		Use:   "report ID",
		Short: "Report on an incident: timeline, scope, cause, evidence",
		Long: `Report prints all that is known of an incident, as Markdown or as JSON: what happened
when and by whom, what was tried, which executions ran the same documents and who
started them, which other definitions have the same document or script, the cause,
and what was learned. It reads, and changes nothing.`,
		Example: `  lazaret incident report demo.report-20261126T101500.000 > incident.md
  lazaret incident report demo.report-20261126T101500.000 --output json | jq .scope.elsewhere`,
		Args:              exactly("ID"),
		ValidArgsFunction: a.completeIncidents(""),
		RunE: func(cmd *cobra.Command, args []string) error {
			if a.output != "markdown" && a.output != "json" && a.output != "yaml" {
				return invalid("use markdown, json or yaml", "--output %q is unknown", a.output)
			}
			if limit < 1 {
				return invalid("", "--limit must be 1 or more")
			}
			return a.withSession(cmd.Context(), func(ctx context.Context, s *session) error {
				l, i, err := s.incident(ctx, args[0])
				if err != nil {
					return err
				}
				report, err := s.reportOn(ctx, l, i, limit)
				if err != nil {
					return err
				}
				if a.output != "markdown" {
					return a.printJSON(report)
				}
				_, err = io.WriteString(a.stdout, report.Markdown())
				return err
			})
		},
	}
	cmd.Flags().IntVar(&limit, "limit", limit, "executions at most, the newest")
	cmd.Flags().StringP("output", "o", "markdown", "print markdown, json or yaml")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"markdown", "json", "yaml"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// reportOn gathers what belongs to an incident.
func (s *session) reportOn(ctx context.Context, l contract.Ledger, i contract.LedgerIncident, limit int) (incident.Report, error) {
	ran, err := s.ranSame(ctx, l.Namespace+"/"+l.Name, incident.Digests(l, i), limit)
	if err != nil {
		return incident.Report{}, err
	}
	entries, err := s.ledgers().List(ctx, 0)
	if err != nil {
		return incident.Report{}, temporalError(err)
	}
	var others []contract.Ledger
	for _, e := range entries {
		if e.Name == l.Namespace+"/"+l.Name || e.Violations == 0 {
			continue
		}
		other, err := s.ledgerOf(ctx, e.Name)
		if err != nil {
			return incident.Report{}, err
		}
		others = append(others, other)
	}
	return incident.New(l, i, ran, others), nil
}

// ranSame are the executions of a definition, and those of its documents under other
// names, with who started each.
func (s *session) ranSame(ctx context.Context, definition string, digests []string, limit int) ([]incident.Execution, error) {
	query := fmt.Sprintf("%s = '%s'", contract.AttributeDefinition, definition)
	if len(digests) > 0 {
		query += fmt.Sprintf(" OR %s IN ('%s')", contract.AttributeDigest, strings.Join(digests, "', '"))
	}
	found, err := s.find(ctx, query, limit)
	if err != nil {
		return nil, err
	}
	ran := []incident.Execution{}
	for _, e := range found {
		ran = append(ran, incident.Execution{
			ID: e.ID, Definition: e.Definition, Version: e.Version, Digest: e.Digest, Status: e.Status, Started: e.Started,
			By: s.whoStarted(ctx, e),
		})
	}
	return ran, nil
}

// whoStarted is who started an execution: the client's own name, and the principal
// that Temporal knows it by, where it knows one. Empty: it can no longer be told.
func (s *session) whoStarted(ctx context.Context, e executionInfo) string {
	events := s.GetWorkflowHistory(ctx, e.ID, e.Run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	if !events.HasNext() {
		return ""
	}
	event, err := events.Next()
	if err != nil {
		return ""
	}
	by := event.GetWorkflowExecutionStartedEventAttributes().GetIdentity()
	if parent := event.GetWorkflowExecutionStartedEventAttributes().GetParentWorkflowExecution(); parent != nil {
		by = "its parent " + parent.GetWorkflowId()
	}
	if principal := event.GetPrincipal().GetName(); principal != "" {
		by += " as " + principal
	}
	return strings.TrimSpace(by)
}

// evidenceOf names a bundle that verifies.
func evidenceOf(file string) (*contract.IncidentEvidence, error) {
	if _, err := evidence.Verify(file, nil); errors.Is(err, evidence.ErrBad) {
		return nil, &exitError{code: exitFaulted, err: fmt.Errorf("--evidence %s: %w", file, err), hint: "make another with lazaret evidence"}
	} else if err != nil {
		return nil, invalid("", "--evidence %s: %w", file, unwrapPath(err))
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, invalid("", "--evidence %s: %w", file, unwrapPath(err))
	}
	defer func() { _ = f.Close() }()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return nil, invalid("", "--evidence %s: %w", file, unwrapPath(err))
	}
	return &contract.IncidentEvidence{File: filepath.Base(file), SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
}

// incidentReports puts the incidents of the definition into a bundle.
func (g *gathering) incidentReports(ctx context.Context, l contract.Ledger, limit int) {
	for _, i := range l.Incidents {
		report, err := g.session.reportOn(ctx, l, i, limit)
		if err == nil {
			err = errors.Join(g.bundle.Add("incidents/"+i.ID+".md", []byte(report.Markdown())), g.bundle.AddJSON("incidents/"+i.ID+".json", report))
		}
		if err != nil {
			g.bundle.Lacks("incident "+i.ID, err)
		}
	}
}
