package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"lazaret.dev/lazaret/worker/devserver"
	"lazaret.dev/lazaret/worker/install"
)

func (a *app) upCommand() *cobra.Command {
	var flags workerFlags
	options := devserver.Options{Kind: install.Up}
	var link bool
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Run Temporal, its Web UI and a worker on this machine, until stopped",
		Long: `Up serves an embedded Temporal with its Web UI and a worker until it is stopped.
Everything is kept under $XDG_STATE_HOME/lazaret. run, submit and the other
commands find it by themselves; so does the temporal CLI with
TEMPORAL_CONFIG_FILE set to temporal.toml in that folder.

Nobody reaches it without a token of this installation: it prints a link that
opens the UI once.`,
		Example: `  lazaret up
  lazaret up --level standard --max-scripts 8
  lazaret up --link        a fresh UI link from the one that is up`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if link {
				return a.printLink(cmd.Context())
			}
			return a.up(cmd.Context(), options, flags)
		},
	}
	cmd.Flags().StringVar(&options.Address, temporalFlag, devserver.DefaultAddress, "where Temporal listens (loopback)")
	cmd.Flags().StringVar(&options.UIAddress, uiFlag, devserver.DefaultUIAddress, "where the Web UI listens (loopback)")
	cmd.Flags().DurationVar(&options.Retention, "retention", devserver.DefaultRetention, "how long closed executions are kept")
	cmd.Flags().BoolVar(&link, "link", false, "print a fresh link into the UI of the one that is up, and end")
	a.workerFlags(cmd, &flags)
	return cmd
}

func (a *app) up(ctx context.Context, options devserver.Options, flags workerFlags) error {
	for _, at := range [][2]string{{temporalFlag, options.Address}, {uiFlag, options.UIAddress}} {
		if err := loopback(at[0], at[1], "use 127.0.0.1:PORT; to serve other machines, run Temporal itself and set TEMPORAL_ADDRESS"); err != nil {
			return err
		}
	}
	worker, err := a.serviceOptions(ctx, flags)
	if err != nil {
		return err
	}
	defer worker.monitor.close()
	defer worker.ingress.close() //nolint:contextcheck // after everything else, whatever has ended
	home, err := install.Open(a.stateDir)
	if err != nil {
		return installError(err)
	}
	e, err := a.startEmbedded(ctx, home, options, worker)
	if err != nil {
		return err
	}
	defer e.stop()
	if worker.monitor != nil {
		worker.monitor.serve(e.worker.ready)
	}
	a.announce(e, home, worker)
	select {
	case <-ctx.Done():
		fmt.Fprintln(a.stderr, "stopping: running scripts have", flags.grace, "to finish")
		if byPerson(ctx) {
			e.server.ForGood()
		}
		return nil
	case err := <-e.worker.failed:
		return unreachable(fmt.Errorf("worker: %w", err), "")
	case <-e.server.Done():
		return unreachable(fmt.Errorf("embedded Temporal: %w", e.server.Err()), "")
	}
}

// announce says, for people, where things are; the link into the UI is on a
// line of its own.
func (a *app) announce(e *embedded, home *install.Install, worker serviceOptions) {
	fmt.Fprintf(a.stderr, "Temporal   %s\n", e.server.Address())
	fmt.Fprintf(a.stderr, "Profile    TEMPORAL_CONFIG_FILE=%s\n", home.ProfilePath())
	if worker.monitor != nil {
		fmt.Fprintf(a.stderr, "Metrics    http://%s/metrics\n", worker.monitor.address())
	}
	worker.ingress.announce(a.stderr, "Events     ")
	fmt.Fprintf(a.stderr, "Web UI     %s\n", e.server.LoginURL())
	a.announceDegraded(e.worker, 0)
	fmt.Fprintf(a.stderr, "The link works once; `lazaret up --link` makes another. Stop with Ctrl-C.\n")
}

func (a *app) printLink(ctx context.Context) error {
	home, err := install.Open(a.stateDir)
	if err != nil {
		return installError(err)
	}
	if _, found, err := home.Running(); err != nil || !found {
		return unreachable(errors.Join(errors.New("nothing is up on this machine"), err), "start it with `lazaret up`")
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	link, err := home.LoginLink(ctx)
	if err != nil {
		return installError(err)
	}
	fmt.Fprintln(a.stdout, link.URL)
	return nil
}

// versions are what the version command prints.
type versions struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Temporal string `json:"temporal,omitempty"` // the embedded server's; absent in the slim build
}

func (a *app) versionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Example: `  lazaret version
  lazaret version --output yaml`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := a.checkFlags(); err != nil {
				return err
			}
			v := versions{Version: a.build.Version, Commit: a.build.Commit}
			if devserver.Available {
				v.Temporal = devserver.Version
			}
			data, err := json.Marshal(v)
			if err != nil {
				return fmt.Errorf("version: %w", err)
			}
			return a.printResult(data)
		},
	}
	a.outputFlag(cmd)
	return cmd
}

// ready reports whether Temporal answers.
func (s *service) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	_, err := s.client.CheckHealth(ctx, nil)
	return err
}
