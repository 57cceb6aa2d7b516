package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/workflows/expression"
)

func (a *app) runCommand() *cobra.Command {
	var flags startFlags
	cmd := &cobra.Command{
		Use:   "run FILE",
		Short: "Run a workflow and print its output",
		Long: `Run validates the definition, executes it on Temporal, follows it to its end
and prints its output on stdout; all else goes to stderr. A FILE of - is standard
input.

It uses the Temporal that TEMPORAL_ADDRESS or a profile names, else the one that
"lazaret up" runs, else it starts one for this run; what that leaves unfinished,
the next "run" or "up" goes on with. Interrupt it once to cancel the execution,
twice to leave it running.

Exit codes: 0 completed, 1 faulted, 2 invalid, 3 refused by policy,
4 no Temporal, 5 no sandbox on this machine, 124 timed out, 130 cancelled.`,
		Example: `  lazaret run hello.yaml --input '{"name": "Ada"}'
  lazaret run nightly.yaml --input @records.json --output yaml
  lazaret run parent.yaml --definition children/
  lazaret run tools.yaml --level standard`,
		Args: exactly("FILE"),
	}
	a.startFlags(cmd, &flags)
	a.outputFlag(cmd)
	own := a.ownWorkerFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return a.run(cmd.Context(), args[0], flags, given(cmd, own))
	}
	return cmd
}

// startFlags adds the flags of commands that start executions.
func (a *app) startFlags(cmd *cobra.Command, flags *startFlags) {
	cmd.Flags().StringVarP(&flags.input, "input", "i", "", "the input: JSON, @FILE, or - for stdin")
	cmd.Flags().StringVar(&flags.level, "level", "", "sandbox level: maximum, strict, standard, minimal (default the worker's)")
	cmd.Flags().StringVar(&flags.id, "id", "", "id of the execution (default NAMESPACE.NAME-RANDOM)")
	cmd.Flags().StringArrayVarP(&flags.definitions, "definition", "d", nil, "a definition, or a folder of them, that run.workflow may name")
}

func (a *app) run(ctx context.Context, file string, flags startFlags, ownWorker []string) error {
	if err := a.checkFlags(); err != nil {
		return err
	}
	p, err := a.prepare(ctx, file, flags)
	if err != nil {
		return err
	}
	s, err := a.connectOrStart(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.checkOwnWorker(ownWorker); err != nil {
		return err
	}
	if s.embedded != nil {
		level, _ := policies.ParseLevel(flags.level) // checked; empty means the worker's
		a.announceDegraded(s.embedded.worker, level)
	}
	if err := s.checkNeeded(ctx, p.bundle.source.File, p.bundle.needed, handOver); err != nil {
		return err
	}
	run, err := a.begin(ctx, s, p, flags.id)
	if err != nil {
		return err
	}
	view := a.view(p.bundle.def, run.GetID())
	defer view.close()
	output, err := a.followOn(ctx, s, run, view)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		output, err = a.cancelAndFollow(ctx, s, run, view)
	}
	view.close()
	if err != nil {
		return err
	}
	return a.printResult(output)
}

// begin starts the execution, under a name of its own when id is empty.
func (a *app) begin(ctx context.Context, s *session, p *prepared, id string) (run client.WorkflowRun, err error) {
	ours := id == ""
	if ours {
		id, p.once = newID(p), true
	}
	// An interrupt waits for the answer, lest an execution go on that nobody knows of.
	ctx, done := context.WithTimeout(context.WithoutCancel(ctx), handoverTimeout)
	defer done()
	asked := false
	err = s.persist(ctx, a.connectOrStart, func(ctx context.Context) error {
		run, err = s.begin(ctx, p, id)
		if ours && asked && errors.Is(err, errRunning) {
			// The server that went away had started it, and could not say so.
			run, err = s.GetWorkflow(ctx, id, ""), nil
		}
		asked = true
		return err
	})
	return run, err
}

// followOn follows an execution for as long as it takes, on whatever server.
func (a *app) followOn(ctx context.Context, s *session, run client.WorkflowRun, view viewer) (output json.RawMessage, err error) {
	err = s.persist(ctx, a.connectOrStart, func(ctx context.Context) error {
		output, err = follow(ctx, s.Client, s.GetWorkflow(ctx, run.GetID(), run.GetRunID()), view)
		return err
	})
	return output, err
}

// cancelTimeout bounds how long an interrupted run waits for its execution to
// end; scripts are killed within a heartbeat.
const cancelTimeout = 30 * time.Second

// cancelAndFollow ends an execution whose user has interrupted the command.
func (a *app) cancelAndFollow(ctx context.Context, s *session, run client.WorkflowRun, view viewer) (json.RawMessage, error) {
	fmt.Fprintf(a.stderr, "cancelling %s; interrupt again to leave it to itself\n", run.GetID())
	ctx, done := context.WithTimeout(context.WithoutCancel(ctx), cancelTimeout)
	defer done()
	err := s.persist(ctx, a.connectOrStart, func(ctx context.Context) error {
		return s.cancel(ctx, run.GetID(), run.GetRunID())
	})
	if err != nil {
		return nil, err
	}
	output, err := a.followOn(ctx, s, run, view)
	if ctx.Err() != nil {
		err = &exitError{code: exitCancelled, err: fmt.Errorf("%s has not ended yet; lazaret result %s waits for it", run.GetID(), run.GetID())}
	}
	return output, err
}

// decodeInput reads an input as expressions and schemas see it.
func decodeInput(input json.RawMessage) (any, error) {
	if len(input) == 0 {
		return nil, nil
	}
	value, err := expression.Decode(input)
	if err != nil {
		return nil, &contract.Fault{Type: contract.ValidationError, Status: 400, Title: "Validation error", Detail: "input: " + err.Error()}
	}
	return value, nil
}
