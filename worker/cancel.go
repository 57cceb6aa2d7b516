package worker

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) cancelCommand() *cobra.Command {
	var wait bool
	cmd := &cobra.Command{
		Use:   "cancel ID",
		Short: "Cancel an execution",
		Long: `Cancel asks an execution to end: its running scripts are killed with all their
processes, nothing further runs, and it ends as Canceled.`,
		Example:           `  lazaret cancel demo.hello-5f3c0a9be2d14c77 --wait`,
		Args:              exactly("ID"),
		ValidArgsFunction: a.completeIDs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withSession(cmd.Context(), func(ctx context.Context, s *session) error {
				return a.cancelExecution(ctx, s, args[0], wait)
			})
		},
	}
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until it has ended")
	return cmd
}

func (a *app) cancelExecution(ctx context.Context, s *session, id string, wait bool) error {
	if err := s.cancel(ctx, id, ""); err != nil {
		return err
	}
	if !wait {
		fmt.Fprintf(a.stderr, "asked %s to end\n", id)
		return nil
	}
	_, err := follow(ctx, s.Client, s.GetWorkflow(ctx, id, ""), nil)
	if exit, ok := err.(*exitError); ok && exit.code == exitCancelled { //nolint:errorlint // our own, unwrapped
		fmt.Fprintf(a.stderr, "%s is cancelled\n", id)
		return nil
	}
	return err
}

func (s *session) cancel(ctx context.Context, id, run string) error {
	if err := s.CancelWorkflow(ctx, id, run); err != nil {
		return temporalError(err)
	}
	return nil
}
