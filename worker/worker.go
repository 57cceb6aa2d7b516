package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// workerFlags are what worker and up have in common.
type workerFlags struct {
	level      string
	grace      time.Duration
	maxScripts int
	metrics    string
	warm       int
	warmMemory int
	refill     string
	ingress    ingressFlags
}

func (a *app) workerFlags(cmd *cobra.Command, f *workerFlags) {
	cmd.Flags().StringVar(&f.level, "level", policies.Maximum.String(), "sandbox level of executions that ask for none")
	a.pythonAllowFlag(cmd)
	a.allowNetFlag(cmd)
	a.allowDegradedFlag(cmd)
	a.addSupplyFlags(cmd)
	a.addCallFlags(cmd)
	a.auditFlag(cmd)
	a.libvirtPolicyFlag(cmd)
	a.eventRulesFlag(cmd)
	a.addIngressFlags(cmd, &f.ingress)
	a.refusePlainFlag(cmd)
	a.policyWorkerFlags(cmd)
	cmd.Flags().DurationVar(&f.grace, "grace", 10*time.Second, "how long running scripts may go on when stopping")
	cmd.Flags().IntVar(&f.maxScripts, "max-scripts", 0, "scripts run at the same time (default twice the processors)")
	cmd.Flags().IntVar(&f.warm, "warm", defaultWarm, "Python interpreters that wait for a script, of each kind in use; 0 for none")
	cmd.Flags().IntVar(&f.warmMemory, "warm-memory", 256, "MiB that all waiting interpreters may take together")
	cmd.Flags().StringVar(&f.refill, "refill", string(sandbox.RefillAuto), "how waiting interpreters are made: start (each anew), zygote (copies of one, faster), auto (zygote but at level maximum)")
	_ = cmd.RegisterFlagCompletionFunc("refill", cobra.FixedCompletions(sandbox.Refills(), cobra.ShellCompDirectiveNoFileComp))
	cmd.Flags().StringVar(&f.metrics, metricsFlag, "127.0.0.1:9464", "loopback address of /metrics, /healthz and /readyz; empty for none")
}

// defaultWarm serves scripts that come one after another; more serve bursts.
const defaultWarm = 2

// pythonAllowFlag adds the operator's grant to scripts that ask for it.
func (a *app) pythonAllowFlag(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&a.pythonAllow, "python-allow", nil, "a Python module or function, such as subprocess.run, that scripts may use if their metadata asks for it")
}

// serviceOptions checks the flags. The monitor, if any, listens already; the
// caller closes it.
func (a *app) serviceOptions(ctx context.Context, f workerFlags) (serviceOptions, error) {
	if err := a.checkLogFlags(); err != nil {
		return serviceOptions{}, err
	}
	level, err := policies.ParseLevel(f.level)
	if err != nil {
		return serviceOptions{}, invalid("", "--%w", err)
	}
	if f.maxScripts < 0 || f.grace < 0 {
		return serviceOptions{}, invalid("give a number of zero or more", "--max-scripts and --grace cannot be negative")
	}
	if f.warm < 0 || f.warmMemory < 1 {
		return serviceOptions{}, invalid("give --warm 0 to keep none", "--warm cannot be negative, nor --warm-memory less than 1")
	}
	if !slices.Contains(sandbox.Refills(), f.refill) {
		return serviceOptions{}, invalid("give one of "+strings.Join(sandbox.Refills(), ", "), "--refill %.80q is not a way to make interpreters", f.refill)
	}
	policy, err := a.policySource(level, true)
	if err != nil {
		return serviceOptions{}, err
	}
	degradations, err := a.degradations()
	if err != nil {
		return serviceOptions{}, err
	}
	supplies, err := a.supplies()
	if err != nil {
		return serviceOptions{}, err
	}
	calls, err := a.callSupplies(ctx)
	if err != nil {
		return serviceOptions{}, err
	}
	options := serviceOptions{calls: calls, policy: policy, grace: f.grace, maxScripts: f.maxScripts, degradations: degradations, supplies: supplies}
	if options.events, err = a.eventOptions(); err != nil {
		return serviceOptions{}, err
	}
	if options.events, err = policyEvents(options.events, policy); err != nil {
		return serviceOptions{}, err
	}
	if options.ledgerKey, err = a.readLedgerKey(); err != nil {
		return serviceOptions{}, err
	}
	if options.auditDir, err = a.auditFolder(); err != nil {
		return serviceOptions{}, err
	}
	options.ahead = true
	options.warm = sandbox.PoolLimits{PerKind: f.warm, Memory: int64(f.warmMemory) << 20, Refill: sandbox.Refill(f.refill)}
	if f.metrics != "" {
		if options.monitor, err = newMonitor(ctx, f.metrics); err != nil {
			return options, err
		}
	}
	if options.ingress, err = newIngress(ctx, f.ingress); err != nil {
		options.monitor.close()
	}
	return options, err
}

func (a *app) workerCommand() *cobra.Command {
	var flags workerFlags
	cmd := &cobra.Command{
		Use:   "worker",
		Short: "Run a worker for a configured Temporal, until stopped",
		Long: `Worker executes workflows and scripts for the Temporal that TEMPORAL_ADDRESS or a
profile names (TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_… as for the
temporal CLI). Start more of them to scale.

On SIGTERM it takes no new work, lets running scripts finish within --grace,
kills the rest, which Temporal then retries on another worker, and ends.`,
		Example: `  TEMPORAL_ADDRESS=temporal.internal:7233 lazaret worker
  lazaret worker --level strict --max-scripts 16 --log-format json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.serveWorker(cmd.Context(), flags) },
	}
	a.workerFlags(cmd, &flags)
	a.eventKeyFlag(cmd)
	a.ledgerKeyFlag(cmd)
	return cmd
}

func (a *app) serveWorker(ctx context.Context, flags workerFlags) error {
	connection, configured, err := configuredTemporal()
	if err != nil {
		return err
	}
	if !configured {
		return unreachable(errors.New("no Temporal is configured"),
			"set TEMPORAL_ADDRESS, or use `lazaret up` for Temporal and worker in one")
	}
	sealed, err := a.encrypt(&connection, a.keyFile(a.localPayloadKeys(connection.HostPort)))
	if err != nil {
		return err
	}
	options, err := a.serviceOptions(ctx, flags)
	if err != nil {
		return err
	}
	options.sealed = sealed
	defer options.monitor.close()
	defer options.ingress.close() //nolint:contextcheck // after everything else, whatever has ended
	options.register = true
	a.localKeys(connection.HostPort, &options)
	s, err := a.startService(ctx, connection, options)
	if err != nil {
		return err
	}
	if options.monitor != nil {
		options.monitor.serve(s.ready)
	}
	fmt.Fprintf(a.stderr, "worker of %s %s\n", connection.HostPort, options.policy.describe())
	a.announceDegraded(s, 0)
	if options.monitor != nil {
		fmt.Fprintf(a.stderr, "metrics on http://%s/metrics\n", options.monitor.address())
	}
	options.ingress.announce(a.stderr, "events to ")
	select {
	case <-ctx.Done():
		fmt.Fprintln(a.stderr, "stopping: running scripts have", flags.grace, "to finish")
		s.stop()
		return nil
	case err := <-s.failed:
		s.stop()
		return unreachable(fmt.Errorf("worker: %w", err), "")
	}
}
