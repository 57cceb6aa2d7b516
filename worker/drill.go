package worker

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/ledger"
	"lazaret.dev/lazaret/workflows/definition"
)

// drillText is the definition that a drill is about: what its script tries is
// harmless, and forbidden at every level.
//
//go:embed drill.yaml
var drillText string

func (a *app) drillCommand() *cobra.Command {
	patience, reviewer := 2*time.Minute, ""
	cmd := &cobra.Command{
		Use:   "drill",
		Short: "Try the whole way from a forbidden act to quarantine and back",
		Long: `Drill starts the definition lazaret/drill, whose script looks for files that it must
not and that there are not, and follows what comes of it: the verdict, the
quarantine, the executions that hold, the start that is refused by a worker, the
incident, the release and the end of the incident. It prints how long after the act
each step came, and ends the drill's executions.

The policy's limits, targets and reviewers hold as for any definition: people are
told. Where the policy leaves lazaret/drill to people (level minimal), or names other
reviewers, the drill says so and fails. It ends with 0 when every step came, with 1 and
the step's name when one did not, with 3 when the policy refuses the release, with 4
when there is no Temporal. When none is up or configured it brings its own.`,
		Example: `  lazaret drill
  lazaret drill --reviewer ada --output json | jq '.steps[] | {step, ms}'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.checkTableFlags(); err != nil {
				return err
			}
			if patience <= 0 {
				return invalid("", "--patience must be more than 0")
			}
			s, err := a.connectOrStart(cmd.Context())
			if err != nil {
				return err
			}
			defer s.Close()
			d := &drill{session: s, patience: patience, reviewer: reviewer, say: func(string) {}}
			return a.drill(cmd.Context(), d)
		},
	}
	cmd.Flags().DurationVar(&patience, "patience", patience, "how long to wait for each step")
	cmd.Flags().StringVar(&reviewer, "reviewer", userName(), "who releases the definition again")
	a.tableFlag(cmd)
	return cmd
}

// drillStep is one thing that came, and when.
type drillStep struct {
	Step string    `json:"step"`
	What string    `json:"what"`
	At   time.Time `json:"at"`
	MS   int64     `json:"ms"` // after the forbidden act, in milliseconds
}

// drillResult is what a drill came to.
type drillResult struct {
	Definition string      `json:"definition"`
	Incident   string      `json:"incident,omitempty"`
	Passed     bool        `json:"passed"`
	Failed     string      `json:"failed,omitempty"` // the step that did not come
	Steps      []drillStep `json:"steps"`
}

// drill is one drill under way.
type drill struct {
	*session
	patience time.Duration
	reviewer string
	say      func(string)

	bystander, culprit client.WorkflowRun
	began, act         time.Time
	result             drillResult
}

const drillNamespace, drillName = "lazaret", "drill"

func (a *app) drill(ctx context.Context, d *drill) error {
	d.result = drillResult{Definition: drillNamespace + "/" + drillName, Steps: []drillStep{}}
	d.say = func(step string) {
		if a.output == "table" {
			fmt.Fprintln(a.stderr, step)
		}
	}
	err := d.run(ctx)
	// What a drill has begun ends with it, whatever came between.
	tidy, done := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer done()
	if left := d.tidy(tidy); err == nil {
		err = left
	}
	if d.result.Passed = err == nil; d.result.Passed {
		a.noteDone("incident-drill", "")
	}
	if a.output != "table" {
		return errors.Join(err, a.printJSON(d.result))
	}
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "STEP\tAFTER THE ACT\tWHAT")
	for _, s := range d.result.Steps {
		fmt.Fprintf(table, "%s\t%d ms\t%s\n", s.Step, s.MS, s.What)
	}
	if flushed := table.Flush(); err == nil {
		err = flushed
	}
	return err
}

// run goes through the steps in their order.
func (d *drill) run(ctx context.Context) error {
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"running", d.start},
		{"act", d.offend},
		{"verdict", d.verdict},
		{"contained", d.contained},
		{"held", d.held},
		{"refused", d.refused},
		{"released", d.release},
		{"recovered", d.recovered},
		{"closed", d.close},
	} {
		d.say(step.name + " …")
		bounded, done := context.WithTimeout(ctx, d.patience)
		err := step.do(bounded)
		late := isLate(bounded, err)
		done()
		if err == nil {
			continue
		}
		d.result.Failed = step.name
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if late {
			err = &exitError{code: exitFaulted, err: fmt.Errorf("drill: %s: it did not come within %s", step.name, d.patience), hint: "is a worker up? lazaret quarantine show " + d.result.Definition}
		}
		return err
	}
	return nil
}

// isLate says that a step's time was over: by its own clock, or by that of the server,
// which hears of the same deadline and may be ahead.
func isLate(step context.Context, err error) bool {
	_, theirs := errors.AsType[*serviceerror.DeadlineExceeded](err)
	return theirs || step.Err() != nil
}

func (d *drill) came(step string, at time.Time, format string, args ...any) {
	d.result.Steps = append(d.result.Steps, drillStep{Step: step, What: fmt.Sprintf(format, args...), At: at.UTC(), MS: at.Sub(d.act).Milliseconds()})
}

// drillPoll is how often a drill looks.
const drillPoll = 20 * time.Millisecond

// await looks until something is so, or the step's time is over.
func (d *drill) await(ctx context.Context, is func() (bool, error)) error {
	for {
		if so, err := is(); so || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(drillPoll):
		}
	}
}

// begin starts an execution of the definition, past the command line's own check.
func (d *drill) begin(ctx context.Context, input string) (client.WorkflowRun, error) {
	def, err := definition.Parse("drill.yaml", []byte(drillText))
	if err != nil {
		return nil, err
	}
	p := &prepared{bundle: &bundle{def: def}, start: contract.Start{
		Definition: contract.Source{File: "drill.yaml", Document: drillText, Digest: def.Digest}, Input: []byte(input), Interpreter: contract.Interpreter,
	}}
	return d.startPrepared(ctx, p, newID(p))
}

func (d *drill) start(ctx context.Context) error {
	d.began = time.Now()
	l, err := d.ledgers().Ledger(ctx, drillNamespace, drillName)
	if err == nil && contract.LedgerHolds(l.State) { // an earlier drill was broken off
		if err := d.let(ctx, "left by an earlier drill"); err != nil {
			return err
		}
	}
	if err != nil && !errors.Is(err, ledger.ErrNoLedger) {
		return temporalError(err)
	}
	return d.await(ctx, func() (bool, error) {
		if d.bystander == nil {
			if d.bystander, err = d.begin(ctx, `{"act": false}`); err != nil {
				return false, err
			}
		}
		state, err := d.state(ctx, d.bystander.GetID())
		if err == nil && turnedAway(state) {
			d.bystander = nil
		}
		return err == nil && len(state.Tasks) > 1 && state.Tasks[1].Runs > 0, nil
	})
}

// offend has the definition do what it must not, and waits until it is recorded.
func (d *drill) offend(ctx context.Context) error {
	asked := time.Now()
	var err error
	return d.await(ctx, func() (bool, error) {
		if d.culprit == nil {
			if d.culprit, err = d.begin(ctx, `{"act": true}`); err != nil {
				return false, err
			}
		}
		state, _ := d.state(ctx, d.culprit.GetID()) // before the ledger, which knows first of what it did
		l, err := d.ledgers().Ledger(ctx, drillNamespace, drillName)
		if err != nil {
			return false, nil //nolint:nilerr // there is none yet
		}
		for _, v := range l.Violations {
			if v.Execution == d.culprit.GetID() {
				d.act = v.At
				d.came("started", asked, "a script that looks for what it must not")
				d.came("act", d.act, "%s %s %s", v.Severity, v.Type, v.Subject)
				return true, nil
			}
		}
		if turnedAway(state) {
			asked, d.culprit = time.Now(), nil
		}
		return false, nil
	})
}

// turnedAway tells whether a worker has refused an execution, as if its definition were
// still held: it does not know yet of the release.
func turnedAway(state contract.State) bool {
	return state.Fault != nil && state.Fault.Type == contract.Quarantined
}

// ledgerIs waits for what the ledger shall come to.
func (d *drill) ledgerIs(ctx context.Context, is func(contract.Ledger) (bool, error)) error {
	return d.await(ctx, func() (bool, error) {
		l, err := d.ledgers().Ledger(ctx, drillNamespace, drillName)
		if err != nil {
			return false, nil //nolint:nilerr // it is asked again
		}
		return is(l)
	})
}

func (d *drill) verdict(ctx context.Context) error {
	return d.ledgerIs(ctx, func(l contract.Ledger) (bool, error) {
		if !contract.LedgerHolds(l.State) {
			if !l.Alerted.IsZero() && l.Alerted.After(d.began) {
				return false, &exitError{code: exitFaulted, err: errors.New("drill: verdict: the policy leaves " + d.result.Definition + " to people, and nothing puts it away"), hint: "give lazaret/drill a stricter level in the policy"}
			}
			return false, nil
		}
		d.result.Incident = l.Incident
		d.came("verdict", l.Since, "%s: %s", l.State, l.Reason)
		return true, nil
	})
}

func (d *drill) contained(ctx context.Context) error {
	return d.incidentIs(ctx, contract.IncidentContained, "contained")
}

func (d *drill) incidentIs(ctx context.Context, state, step string) error {
	return d.ledgerIs(ctx, func(l contract.Ledger) (bool, error) {
		for _, i := range l.Incidents {
			for _, s := range i.Steps {
				if i.ID == d.result.Incident && s.State == state {
					d.came(step, s.At, "incident %s: %s", i.ID, s.Note)
					return true, nil
				}
			}
		}
		return false, nil
	})
}

// held waits until the execution that does no harm holds, or faults where the policy
// says so.
func (d *drill) held(ctx context.Context) error {
	return d.await(ctx, func() (bool, error) {
		state, err := d.state(ctx, d.bystander.GetID())
		if err != nil {
			return false, nil //nolint:nilerr // it is asked again
		}
		if state.Status == contract.HeldState {
			d.came("held", time.Now(), "%s holds", d.bystander.GetID())
			return true, nil
		}
		if state.Fault != nil {
			d.came("held", time.Now(), "%s has faulted, as the policy says", d.bystander.GetID())
			return true, nil //nolint:nilerr // the fault is what was waited for
		}
		return false, nil
	})
}

// refused waits until a worker refuses to begin another.
func (d *drill) refused(ctx context.Context) error {
	return d.await(ctx, func() (bool, error) {
		run, err := d.begin(ctx, `{"act": false}`)
		if err != nil {
			return false, err
		}
		defer func() { _ = d.CancelWorkflow(context.WithoutCancel(ctx), run.GetID(), run.GetRunID()) }()
		_, err = waitOnce(ctx, run)
		if fault, ok := errors.AsType[*contract.Fault](outcome(err)); ok && fault.Type == contract.Quarantined {
			d.came("refused", time.Now(), "a worker refuses to begin %s", run.GetID())
			return true, nil
		}
		return false, nil
	})
}

func (d *drill) let(ctx context.Context, reason string) error {
	_, err := d.ledgers().Release(ctx, drillNamespace, drillName, contract.LedgerRequest{
		Reason: reason, Reviewer: d.reviewer, By: publisher(), Resume: contract.CancelHeld,
	})
	if err != nil {
		return ledgerError(drillNamespace+"/"+drillName, err)
	}
	return nil
}

func (d *drill) release(ctx context.Context) error {
	if err := d.let(ctx, "a drill"); err != nil {
		return err
	}
	d.came("released", time.Now(), "by %s; what held is cancelled", d.reviewer)
	return nil
}

func (d *drill) recovered(ctx context.Context) error {
	if err := d.incidentIs(ctx, contract.IncidentRecovered, "recovered"); err != nil {
		return err
	}
	_, _ = waitOnce(ctx, d.bystander) // it was cancelled, or has faulted
	if ctx.Err() != nil {
		return ctx.Err()
	}
	d.came("ended", time.Now(), "%s has ended", d.bystander.GetID())
	return nil
}

func (d *drill) close(ctx context.Context) error {
	i, err := d.ledgers().Incident(ctx, drillNamespace, drillName, contract.IncidentRequest{
		ID: d.result.Incident, State: contract.IncidentClosed, By: publisher(), Reviewer: d.reviewer, Note: "a drill",
		IncidentFindings: contract.IncidentFindings{
			Cause: "a drill", Fix: "none: a drill", PolicyUpdate: "none: a drill", Rules: "none: a drill",
			Training: "those who were told have seen how it goes", Lessons: "see the times that the drill printed",
		},
	})
	if err != nil {
		return ledgerError(drillNamespace+"/"+drillName, err)
	}
	d.came("closed", i.Closed, "lazaret incident report %s", i.ID)
	return nil
}

// tidy leaves nothing of the drill running or held.
func (d *drill) tidy(ctx context.Context) error {
	l, err := d.ledgers().Ledger(ctx, drillNamespace, drillName)
	if err == nil && contract.LedgerHolds(l.State) {
		err = d.let(ctx, "a drill that was broken off")
	}
	for _, run := range []client.WorkflowRun{d.bystander, d.culprit} {
		if run != nil {
			_ = d.CancelWorkflow(ctx, run.GetID(), run.GetRunID()) // it has ended
		}
	}
	if errors.Is(err, ledger.ErrNoLedger) {
		return nil
	}
	return err
}
