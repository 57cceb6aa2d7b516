package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	sdkworker "go.temporal.io/sdk/worker"
)

// Build says what was built; the linker sets it.
type Build struct{ Version, Commit string }

// Main runs one command line on the process's own streams and returns its exit
// code. The first interrupt or SIGTERM asks the command to end in order, the
// second ends the process.
func Main(args []string, build Build) int {
	ctx, stop := untilSignalled()
	defer stop()
	nameBinary(build)
	sdkworker.SetStickyWorkflowCacheSize(cachedWorkflows) // before the server's own workers
	zerolog.MessageFieldName = "msg"                      // the key that log queries expect (B55)
	a := &app{build: build, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	return a.execute(ctx, args)
}

// untilSignalled is a context that the first interrupt or SIGTERM ends.
func untilSignalled() (context.Context, func()) {
	ctx, end := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case s := <-signals:
			signal.Stop(signals)
			end(&signalError{s})
		case <-ctx.Done():
		}
	}()
	return ctx, func() { signal.Stop(signals); end(nil) }
}

// signalError is why a command ends that was signalled to.
type signalError struct{ signal os.Signal }

func (e *signalError) Error() string        { return e.signal.String() + " signal received" }
func (e *signalError) Is(target error) bool { return target == context.Canceled }

// byPerson tells whether a person at the terminal has ended the context (Ctrl-C).
// SIGTERM tells no such thing: service managers restart with it, too.
func byPerson(ctx context.Context) bool {
	e, ok := errors.AsType[*signalError](context.Cause(ctx))
	return ok && e.signal == os.Interrupt
}

// nameBinary is how histories name the program that ran a workflow task. Left
// to itself the SDK reads all of the executable for that, 200 MB, and sums it.
func nameBinary(build Build) { sdkworker.SetBinaryChecksum(build.Version + "+" + build.Commit) }

// cachedWorkflows is how many executions a process keeps between their tasks, from
// 10 KB each. Those beyond are replayed from their histories when their next task
// comes. The SDK's default of 10,000 is no bound that a machine would notice.
const cachedWorkflows = 2000

// app is what every command shares. It is set before a command runs.
type app struct {
	build          Build
	stdin          io.Reader
	stdout, stderr io.Writer
	stdinTaken     bool // by a definition

	output    string // --output, whose default depends on the command
	stateDir  string // --state-dir
	logFormat string // --log-format
	logLevel  string // --log-level

	supply supplyFlags
	calls  outsideFlags

	pythonAllow []string // --python-allow
	allowNet    []string // --allow-net

	allowDegraded []string // --allow-degraded
	libvirtPolicy string   // --libvirt-policy
	auditDir      string   // --audit-dir
	payloadKeys   string   // --payload-keys
	refusePlain   bool     // --refuse-plain
	policy        policyFlags
	events        eventFlags
	ledgerKey     string // --ledger-key
}

func (a *app) execute(ctx context.Context, args []string) int {
	root := a.rootCommand()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = &exitError{code: exitCancelled, err: errors.New("interrupted")}
	}
	return a.report(err)
}

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "lazaret",
		Short: "Run workflows durably, and their scripts in quarantine",
		Long: `lazaret runs CNCF Serverless Workflow definitions (YAML) durably on Temporal.
Their scripts run in one-shot kernel sandboxes.

Without configuration it brings its own Temporal: run it once with "lazaret run",
or keep it up with "lazaret up". With TEMPORAL_ADDRESS or a Temporal profile set,
it uses that cluster.`,
		Example: `  lazaret run hello.yaml --input '{"name": "Ada"}'
  lazaret validate *.yaml
  lazaret up`,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRun: func(cmd *cobra.Command, _ []string) {
			if flag := cmd.Flags().Lookup("output"); flag != nil {
				a.output = flag.Value.String()
			}
		},
	}
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError(err) })
	flags := root.PersistentFlags()
	flags.StringVar(&a.stateDir, "state-dir", "", "folder of the embedded Temporal (default $XDG_STATE_HOME/lazaret)")
	flags.StringVar(&a.logFormat, "log-format", "auto", "logs as console or json; auto is console on a terminal")
	flags.StringVar(&a.payloadKeys, "payload-keys", "", payloadKeysUsage)
	flags.StringVar(&a.logLevel, "log-level", "", "least level logged: debug, info, warn, error")
	_ = root.RegisterFlagCompletionFunc("log-level", cobra.FixedCompletions([]string{"debug", "info", "warn", "error"}, cobra.ShellCompDirectiveNoFileComp))
	_ = root.RegisterFlagCompletionFunc("log-format", cobra.FixedCompletions([]string{"auto", "console", "json"}, cobra.ShellCompDirectiveNoFileComp))
	root.AddCommand(
		a.runCommand(), a.upCommand(), a.workerCommand(),
		a.submitCommand(), a.resultCommand(), a.cancelCommand(), a.approveCommand(), a.rejectCommand(), a.listCommand(), a.describeCommand(),
		a.validateCommand(), a.lintCommand(), a.graphCommand(), a.schemaCommand(),
		a.publishCommand(), a.definitionsCommand(), a.scheduleCommand(),
		a.emitCommand(), a.eventsCommand(),
		a.keygenCommand(), a.signCommand(), a.verifyCommand(),
		a.quarantineCommand(), a.violationsCommand(), a.incidentCommand(), a.drillCommand(),
		a.sandboxCommand(), a.libvirtCommand(), a.policyCommand(), a.auditCommand(), a.keysCommand(), a.notifyCommand(), a.evidenceCommand(), a.codecServerCommand(), a.doctorCommand(), a.versionCommand(),
	)
	explainCompletion(root)
	completeChoices(root)
	return group(root)
}

// completions are how a shell takes in what its completion command prints.
var completions = map[string]string{
	"bash":       `  source <(lazaret completion bash)`,
	"zsh":        `  lazaret completion zsh > "${fpath[1]}/_lazaret"`,
	"fish":       `  lazaret completion fish | source`,
	"powershell": `  lazaret completion powershell | Out-String | Invoke-Expression`,
}

// explainCompletion gives cobra's own commands for completion their examples.
func explainCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	completion, _, err := root.Find([]string{"completion"})
	if err != nil {
		return
	}
	completion.Example = completions["bash"] + "\n" + completions["zsh"]
	for _, shell := range completion.Commands() {
		shell.Example = completions[shell.Name()]
	}
}

// group completes a command that only has commands below it: alone it shows
// its help, and what is none of them is refused.
func group(cmd *cobra.Command) *cobra.Command {
	cmd.SuggestionsMinimumDistance = 2
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		unknown := fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath())
		if like := cmd.SuggestionsFor(args[0]); len(like) > 0 {
			return invalid(fmt.Sprintf("did you mean %q?", like[0]), "%w", unknown)
		}
		return usageError(unknown)
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	return cmd
}
