package worker

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"
)

func (a *app) resultCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "result ID",
		Short: "Wait for an execution's end and print its output",
		Long: `Result waits for the execution's end, prints its output, and exits as "run"
would. Interrupting it leaves the execution alone.`,
		Example:           `  lazaret result demo.hello-5f3c0a9be2d14c77`,
		Args:              exactly("ID"),
		ValidArgsFunction: a.completeIDs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.checkFlags(); err != nil {
				return err
			}
			return a.withSession(cmd.Context(), func(ctx context.Context, s *session) error {
				return a.awaitResult(ctx, s, s.GetWorkflow(ctx, args[0], ""))
			})
		},
	}
	a.outputFlag(cmd)
	return cmd
}

// withSession connects, acts and disconnects.
func (a *app) withSession(ctx context.Context, act func(context.Context, *session) error) error {
	s, err := a.connect(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	return s.persist(ctx, a.connect, func(ctx context.Context) error { return act(ctx, s) })
}

func (a *app) awaitResult(ctx context.Context, s *session, run client.WorkflowRun) error {
	output, err := follow(ctx, s.Client, run, nil)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return &exitError{code: exitCancelled, err: fmt.Errorf("interrupted; %s goes on", run.GetID())}
	}
	if err != nil {
		return err
	}
	return a.printResult(output)
}
