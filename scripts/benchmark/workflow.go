package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/activities"
	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/worker/install"
	"lazaret.dev/lazaret/workflows"
	"lazaret.dev/lazaret/workflows/definition"
)

// taskQueue is not the product's: its worker must not take our executions.
const taskQueue = "benchmark"

// workflowSection compares definitions with workflows written in Go for the same
// effect: on one Temporal, by one worker of this process, which knows both.
func workflowSection(ctx context.Context, b *bench) (_ []*group, err error) {
	u, err := startUp(ctx, b)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, u.stop()) }()
	e, err := newExecutor(ctx, u)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, e.close()) }()
	return e.measure(ctx, b)
}

// contest is a definition with its alternatives, and how many samples a round has.
type contest struct {
	name, file, want string
	alternatives     []byHand
	samples          int
	pause            time.Duration
}

// measure compares one kind of work after the other.
func (e *executor) measure(ctx context.Context, b *bench) ([]*group, error) {
	const folder = "testdata/definitions/"
	several := 5 * b.effort
	sets := contest{
		"set: one task without effects, one execution at a time", setDefinition, `{"greeting":"hello"}`,
		[]byHand{{"Go workflow", setByHand}, {"Go workflow that is not listed alike", unlistedByHand}},
		several, 0,
	}
	var groups []*group
	for _, c := range []contest{
		sets,
		{"for-10: a loop of ten tasks without effects", folder + "for-10.yaml", `{"sum":55}`, []byHand{{"Go workflow", forByHand(10)}}, several, 0},
		{"fork-5: five branches without effects", folder + "fork-5.yaml", `[1,4,9,16,25]`, []byHand{{"Go workflow", forkByHand}}, several, 0},
		{"for-1000: a loop of a thousand tasks without effects", folder + "for-1000.yaml", `{"sum":500500}`, []byHand{{"Go workflow", forByHand(1000)}}, 3 * several, 0}, // close to the target: it wants to be known well
		{
			"script: one short script, one execution at a time", folder + "script.yaml", `"42\n"`,
			[]byHand{{"Go workflow, python3 -I -S", scriptByHand}, {"Go workflow, bwrap + python3 -I -S", boxedByHand}},
			several, pauseAfterScript,
		},
		{
			"script-10: ten scripts one after the other", folder + "script-10.yaml", `{"sum":55}`,
			[]byHand{{"Go workflow, the same sandbox", sandboxedByHand}, {"Go workflow, python3 -I -S", scriptsByHand}},
			b.effort, pauseAfterScript,
		},
	} {
		g, err := e.compare(c)
		if err != nil {
			return nil, err
		}
		if err := g.measure(ctx, b.rounds, c.samples); err != nil {
			return nil, err
		}
		groups = append(groups, g)
	}
	many, err := e.many(ctx, b, sets)
	return append(groups, many...), err
}

// many measures many executions at a time, and many tasks in one.
func (e *executor) many(ctx context.Context, b *bench, sets contest) ([]*group, error) {
	sets.alternatives = sets.alternatives[:1]
	set, err := e.compare(sets)
	if err != nil {
		return nil, err
	}
	loops, err := e.iterations(b.effort > 1)
	if err != nil {
		return nil, err
	}
	groups := []*group{e.crowded(set, 8), e.crowded(set, 200), loops}
	for i, samples := range []int{max(b.effort/3, 1), 1, 1} {
		if err := groups[i].measure(ctx, b.rounds, samples); err != nil {
			return nil, err
		}
	}
	return groups, nil
}

// pauseAfterScript lets the sandbox prepare its next slot, as it does between tasks.
const pauseAfterScript = 20 * time.Millisecond

// iterations compares what a thousand iterations cost in loops of different
// lengths, beyond what an execution costs whose loop has none.
func (e *executor) iterations(long bool) (*group, error) {
	g := &group{name: "a thousand iterations of a loop, by the loop's length"}
	lengths := []int{1_000, 10_000}
	if long {
		lengths = append(lengths, 100_000)
	}
	none, err := e.loop(0)
	if err != nil {
		return nil, err
	}
	for _, n := range lengths {
		whole, err := e.loop(n)
		if err != nil {
			return nil, err
		}
		name := fmt.Sprint(n, " iterations")
		g.probes = append(g.probes, probe{
			rows: []string{name, name + ", processor time"},
			take: func(ctx context.Context) ([]time.Duration, error) { return e.beyond(ctx, none, whole, n) },
		})
	}
	return g, nil
}

// beyond is what a thousand of a loop's n iterations take beyond an execution
// without any, and what processor time. A short loop is lost in the noise of the
// execution around it, so that a sample has many: the median of their times, and the
// mean of the processor time, which is counted in hundredths of a second.
func (e *executor) beyond(ctx context.Context, none, whole func(context.Context) error, n int) ([]time.Duration, error) {
	var spent time.Duration
	took := make([]float64, max(1, min(300_000/n, 300)))
	for i := range took {
		for sign, execute := range map[time.Duration]func(context.Context) error{-1: none, 1: whole} {
			begin, before := time.Now(), e.processorTime()
			if err := execute(ctx); err != nil {
				return nil, err
			}
			took[i] += float64(sign * time.Since(begin))
			spent += sign * (e.processorTime() - before)
		}
	}
	thousands := time.Duration(n) / 1000
	return []time.Duration{time.Duration(quantile(took, 0.5)) / thousands, spent / thousands / time.Duration(len(took))}, nil
}

// loop executes a loop of n tasks without effects.
func (e *executor) loop(n int) (func(context.Context) error, error) {
	text := fmt.Sprintf(`
document: {dsl: '1.0.3', namespace: benchmark, name: for-%[1]d, version: '1.0.0'}
do:
  - start: {set: {sum: 0}}
  - sum:
      for: {each: number, in: '${ [range(1; %[1]d + 1)] }'}
      do: [add: {set: {sum: '${ .sum + $number }'}}]
`, n)
	_, execute, err := e.definition("loop.yaml", text, fmt.Sprintf(`{"sum":%d}`, n*(n+1)/2))
	return execute, err
}

// crowded is g with many executions at a time: their share of the time, and the
// processor time that server, worker and client spend on one. The latter hardly
// depends on what else the machine does.
func (e *executor) crowded(g *group, clients int) *group {
	many := &group{name: fmt.Sprintf("set with %d executions at a time, per execution", clients)}
	for _, p := range g.probes {
		name := p.rows[0]
		many.probes = append(many.probes, probe{
			rows: []string{name, name + ", processor time"},
			take: func(ctx context.Context) ([]time.Duration, error) {
				begin, spent := time.Now(), e.processorTime()
				executions, err := crowd(ctx, clients, max(1, 80/clients), func(ctx context.Context) error {
					_, err := p.take(ctx)
					return err
				})
				return []time.Duration{time.Since(begin) / executions, (e.processorTime() - spent) / executions}, err
			},
		})
	}
	return many
}

// processorTime is what this process and the server's have spent so far.
func (e *executor) processorTime() time.Duration {
	var own unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &own); err != nil {
		return 0
	}
	return time.Duration(own.Utime.Nano()+own.Stime.Nano()) + processorTimeOf(e.server)
}

// processorTimeOf reads utime and stime, the 14th and 15th field of proc(5)'s
// stat, after the name in parentheses. A tick is 10 ms on every Linux.
func processorTimeOf(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	var ticks int
	for _, field := range fields[11:13] {
		n, err := strconv.Atoi(field)
		if err != nil {
			return 0
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// executor starts executions and awaits them.
type executor struct {
	client client.Client
	worker sdkworker.Worker
	runner *sandbox.Runner
	server int // its process
}

func newExecutor(ctx context.Context, u *up) (*executor, error) {
	c, err := client.DialContext(ctx, client.Options{
		HostPort: u.address, Namespace: install.Namespace, HeadersProvider: u.home.Credentials(install.Worker), Logger: quiet{},
	})
	if err != nil {
		return nil, err
	}
	e := &executor{client: c, server: u.command.Process.Pid}
	if e.runner, err = sandbox.New(sandbox.Options{}); err != nil {
		c.Close()
		return nil, err
	}
	processes := &activities.Processes{Runner: e.runner, Interpreters: activities.HostInterpreters()}
	e.worker = sdkworker.New(c, taskQueue, sdkworker.Options{
		MaxConcurrentActivityExecutionSize: 2 * runtime.NumCPU(),
		MaxHeartbeatThrottleInterval:       time.Second,
		DefaultHeartbeatThrottleInterval:   time.Second,
	})
	workflows.Register(e.worker)
	processes.Register(e.worker)
	for _, w := range byHandWorkflows {
		e.worker.RegisterWorkflowWithOptions(w.run, workflow.RegisterOptions{Name: w.name})
	}
	e.worker.RegisterActivity(runPython)
	e.worker.RegisterActivity(runBoxedPython)
	if err := e.worker.Start(); err != nil {
		return nil, errors.Join(err, e.close())
	}
	return e, nil
}

func (e *executor) close() error {
	e.worker.Stop()
	e.client.Close()
	return e.runner.Close()
}

// compare is a group of workflows written in Go and a definition of the same effect.
func (e *executor) compare(c contest) (*group, error) {
	text, err := os.ReadFile(c.file)
	if err != nil {
		return nil, err
	}
	options, execute, err := e.definition(c.file, string(text), c.want)
	if err != nil {
		return nil, err
	}
	g := &group{name: c.name, pause: c.pause}
	for _, a := range c.alternatives {
		options := options
		if a.workflow.unlisted {
			options = client.StartWorkflowOptions{TaskQueue: taskQueue}
		}
		g.probes = append(g.probes, timed(a.row, func(ctx context.Context) error {
			return e.execute(ctx, c.want, options, a.workflow.name)
		}))
	}
	g.probes = append(g.probes, timed("definition", execute))
	return g, nil
}

// definition gives how a document's executions start, and executes it. It is
// parsed once, before, as a workflow in Go is compiled before.
func (e *executor) definition(file, text, want string) (client.StartWorkflowOptions, func(context.Context) error, error) {
	def, err := definition.Parse(file, []byte(text))
	if err != nil {
		return client.StartWorkflowOptions{}, nil, err
	}
	options := client.StartWorkflowOptions{
		TaskQueue:             taskQueue,
		TypedSearchAttributes: workflows.SearchAttributes(def, ""),
		StaticSummary:         "version " + def.Document.Version,
	}
	start := contract.Start{Definition: contract.Source{File: file, Document: text, Digest: def.Digest}}
	return options, func(ctx context.Context) error {
		return e.execute(ctx, want, options, workflows.TypeName(def.Document), start)
	}, nil
}

// execute starts an execution and awaits its output. Each wait is short, since a
// server may lose the wake-up of one.
func (e *executor) execute(ctx context.Context, want string, options client.StartWorkflowOptions, kind any, args ...any) error {
	run, err := e.client.ExecuteWorkflow(ctx, options, kind, args...)
	if err != nil {
		return err
	}
	var output json.RawMessage
	for expired := true; expired; {
		short, cancel := context.WithTimeout(ctx, time.Second)
		err = run.Get(short, &output)
		cancel()
		expired = ctx.Err() == nil && isDeadline(err)
	}
	if err == nil && string(output) != want {
		err = fmt.Errorf("the output is %s", output)
	}
	return err
}

// isDeadline tells an expired wait, which the server may notice first.
func isDeadline(err error) bool {
	var deadline *serviceerror.DeadlineExceeded
	var canceled *serviceerror.Canceled
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &deadline) || errors.As(err, &canceled)
}

// quiet drops what the SDK logs.
type quiet struct{}

var _ log.Logger = quiet{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}
