package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"lazaret.dev/lazaret/activities/contract"
)

// decisionFlags are what approve and reject take.
type decisionFlags struct{ task, digest, reviewer, reason string }

func (a *app) approveCommand() *cobra.Command {
	var flags decisionFlags
	cmd := &cobra.Command{
		Use:   "approve ID",
		Short: "Let an operation be done that waits for approval",
		Long: `Approve tells an execution that waits for a person's approval to go on with the
operation that it shows: with exactly these arguments, once. lazaret describe shows
what waits. Who approves, and why, is recorded in the execution's history and in the
worker's audit log.`,
		Example: `  lazaret describe ops.reboot-5f3c0a9be2d14c77
  lazaret approve ops.reboot-5f3c0a9be2d14c77 --reviewer ada --reason "window of Tuesday"
  lazaret approve ops.reboot-5f3c0a9be2d14c77 --task /do/1/back --reviewer ada --reason CHG-12`,
		Args:              exactly("ID"),
		ValidArgsFunction: a.completeIDs,
		RunE:              a.runDecision(contract.ApproveUpdate, &flags),
	}
	a.decisionFlag(cmd, &flags)
	return cmd
}

func (a *app) rejectCommand() *cobra.Command {
	var flags decisionFlags
	cmd := &cobra.Command{
		Use:   "reject ID",
		Short: "Refuse an operation that waits for approval",
		Long: `Reject tells an execution that waits for a person's approval that it does not get
it: its task fails with the error 403, authorization.`,
		Example:           `  lazaret reject ops.reboot-5f3c0a9be2d14c77 --reviewer ada --reason "not on a Friday"`,
		Args:              exactly("ID"),
		ValidArgsFunction: a.completeIDs,
		RunE:              a.runDecision(contract.RejectUpdate, &flags),
	}
	a.decisionFlag(cmd, &flags)
	return cmd
}

// decisionFlag adds what approve and reject take.
func (a *app) decisionFlag(cmd *cobra.Command, flags *decisionFlags) {
	cmd.Flags().StringVar(&flags.task, "task", "", "the task that waits, where several do")
	cmd.Flags().StringVar(&flags.digest, "digest", "", "the digest that was shown; nothing is done if something else waits now")
	cmd.Flags().StringVar(&flags.reviewer, "reviewer", "", "who decides (required)")
	cmd.Flags().StringVar(&flags.reason, "reason", "", "why (required)")
}

func (a *app) runDecision(update string, flags *decisionFlags) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if flags.reviewer == "" || flags.reason == "" {
			return invalid("--reviewer NAME --reason TEXT", "say who decides, and why")
		}
		return a.withSession(cmd.Context(), func(ctx context.Context, s *session) error {
			return a.decide(ctx, s, args[0], update, *flags)
		})
	}
}

func (a *app) decide(ctx context.Context, s *session, id, update string, flags decisionFlags) error {
	state, err := s.state(ctx, id)
	if err != nil {
		return temporalError(err)
	}
	waits, err := choose(state.Approvals, flags)
	if err != nil {
		return err
	}
	printApproval(a.stderr, waits)
	handle, err := s.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: id, UpdateName: update, WaitForStage: client.WorkflowUpdateStageCompleted,
		Args: []any{contract.Decision{Digest: waits.Digest, Task: waits.Task, Reviewer: flags.reviewer, Reason: flags.reason, By: publisher()}},
	})
	if err == nil {
		err = handle.Get(ctx, nil)
	}
	if err != nil {
		return decisionError(err)
	}
	fmt.Fprintf(a.stderr, "%s: %s\n", map[string]string{contract.ApproveUpdate: "approved", contract.RejectUpdate: "rejected"}[update], waits.Operation)
	return nil
}

// choose finds what a decision is about. It never guesses between two.
func choose(waiting []contract.Approvable, flags decisionFlags) (contract.Approvable, error) {
	var fitting []contract.Approvable
	for _, w := range waiting {
		if (flags.task == "" || w.Task == flags.task) && (flags.digest == "" || w.Digest == flags.digest) {
			fitting = append(fitting, w)
		}
	}
	switch {
	case len(waiting) == 0:
		return contract.Approvable{}, invalid("lazaret describe ID shows where it stands", "nothing of the execution waits for approval")
	case len(fitting) == 0:
		return contract.Approvable{}, invalid("lazaret describe ID shows what waits", "nothing that waits has that task and digest")
	case len(fitting) > 1:
		return contract.Approvable{}, invalid(fmt.Sprintf("--task %s", fitting[0].Task), "%d operations wait for approval; name one with --task or --digest", len(fitting))
	}
	return fitting[0], nil
}

// printApproval shows what waits: all that the decision is about.
func printApproval(w io.Writer, p contract.Approvable) {
	fmt.Fprintf(w, "%s waits for approval (%s)\n  task    %s\n  host    %s\n  with    %s\n  until   %s\n  digest  %s\n",
		p.Operation, p.Danger, p.Task, p.URI, p.With, p.Until.Local().Format(time.DateTime), p.Digest)
}

// decisionError says what the execution did not accept of a decision.
func decisionError(err error) error {
	if application, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return invalid("lazaret describe ID shows what waits", "%s", application.Message())
	}
	return temporalError(err)
}
