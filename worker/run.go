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
	"lazaret.dev/lazaret/workflows/expression"
)

func (a *app) runCommand() *cobra.Command {
	var flags startFlags
	cmd := &cobra.Command{
		Use:   "run FILE",
		Short: "Run a workflow and print its output",
		Long: `Run validates the definition, executes it on Temporal, follows it to its end
and prints its output on stdout; all else goes to stderr.

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
		RunE: func(cmd *cobra.Command, args []string) error { return a.run(cmd.Context(), args[0], flags) },
	}
	a.startFlags(cmd, &flags)
	a.outputFlag(cmd)
	return cmd
}

// startFlags adds the flags of commands that start executions.
func (a *app) startFlags(cmd *cobra.Command, flags *startFlags) {
	cmd.Flags().StringVarP(&flags.input, "input", "i", "", "the input: JSON, @FILE, or - for stdin")
	cmd.Flags().StringVar(&flags.level, "level", "", "sandbox level: maximum, strict, standard, minimal (default the worker's)")
	cmd.Flags().StringVar(&flags.id, "id", "", "id of the execution (default NAMESPACE.NAME-RANDOM)")
	cmd.Flags().StringArrayVarP(&flags.definitions, "definition", "d", nil, "a definition, or a folder of them, that run.workflow may name")
	_ = cmd.RegisterFlagCompletionFunc("level", cobra.FixedCompletions([]string{"maximum", "strict", "standard", "minimal"}, cobra.ShellCompDirectiveNoFileComp))
}

func (a *app) run(ctx context.Context, file string, flags startFlags) error {
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
	run, err := s.begin(ctx, p, flags.id)
	if err != nil {
		return err
	}
	view := a.view(p.bundle.def, run.GetID())
	defer view.close()
	output, err := follow(ctx, s.Client, run, view)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		output, err = a.cancelAndFollow(s, run, view)
	}
	view.close()
	if err != nil {
		return err
	}
	return a.printResult(output)
}

// cancelTimeout bounds how long an interrupted run waits for its execution to
// end; scripts are killed within a heartbeat.
const cancelTimeout = 30 * time.Second

// cancelAndFollow ends an execution whose user has interrupted the command.
func (a *app) cancelAndFollow(s *session, run client.WorkflowRun, view viewer) (json.RawMessage, error) {
	fmt.Fprintf(a.stderr, "cancelling %s; interrupt again to leave it to itself\n", run.GetID())
	ctx, done := context.WithTimeout(context.Background(), cancelTimeout)
	defer done()
	if err := s.CancelWorkflow(ctx, run.GetID(), run.GetRunID()); err != nil {
		return nil, temporalError(err)
	}
	output, err := follow(ctx, s.Client, run, view)
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
