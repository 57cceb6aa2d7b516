package worker

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) submitCommand() *cobra.Command {
	var flags startFlags
	var wait bool
	cmd := &cobra.Command{
		Use:   "submit FILE",
		Short: "Start a workflow and print its id, without waiting",
		Long: `Submit validates the definition and starts an execution of it. It prints the
execution's id; "lazaret result ID" waits for its output. A FILE of - is standard
input.`,
		Example: `  id=$(lazaret submit nightly.yaml --input @records.json)
  lazaret result "$id"
  lazaret submit nightly.yaml --id nightly-2026-11-22 --wait`,
		Args: exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.submit(cmd.Context(), args[0], flags, wait) },
	}
	a.startFlags(cmd, &flags)
	a.outputFlag(cmd)
	cmd.Flags().BoolVar(&wait, "wait", false, "wait for the end and print the output instead of the id")
	return cmd
}

func (a *app) submit(ctx context.Context, file string, flags startFlags, wait bool) error {
	if err := a.checkFlags(); err != nil {
		return err
	}
	p, err := a.prepare(ctx, file, flags)
	if err != nil {
		return err
	}
	s, err := a.connect(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.checkNeeded(ctx, p.bundle.source.File, p.bundle.needed, handOver); err != nil {
		return err
	}
	run, err := s.begin(ctx, p, flags.id)
	if err != nil {
		return err
	}
	if !wait {
		_, err := fmt.Fprintln(a.stdout, run.GetID())
		return err
	}
	fmt.Fprintf(a.stderr, "submitted as %s\n", run.GetID())
	return a.awaitResult(ctx, s, run)
}
