package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
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
	"lazaret.dev/lazaret/policies"
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
	set := e.compare("set: one task without effects, one execution at a time", setDefinition, `{"greeting":"hello"}`, byHand{"Go workflow", setByHand})
	loop := e.compare("for-10: a loop of ten tasks without effects, one execution at a time", "testdata/definitions/for-10.yaml", `{"sum":55}`, byHand{"Go workflow", forByHand})
	script := e.compare("script: one short script, one execution at a time", "testdata/definitions/script.yaml", `"42\n"`,
		byHand{"Go workflow, python3 -I -S", scriptByHand}, byHand{"Go workflow, bwrap + python3 -I -S", boxedByHand})
	script.pause = 20 * time.Millisecond
	crowd := e.crowded(set)
	for _, g := range []*group{set, loop, script} {
		if err := g.measure(ctx, b.rounds, 5*b.effort); err != nil {
			return nil, err
		}
	}
	return []*group{set, loop, script, crowd}, crowd.measure(ctx, b.rounds, max(b.effort/3, 1))
}

// crowded is g with many executions at a time: their share of the time, and the
// processor time that server, worker and client spend on one. The latter hardly
// depends on what else the machine does.
func (e *executor) crowded(g *group) *group {
	const clients = 8
	many := &group{name: fmt.Sprintf("set with %d executions at a time, per execution", clients)}
	for _, p := range g.probes {
		name := p.rows[0]
		many.probes = append(many.probes, probe{
			rows: []string{name, name + ", processor time"},
			take: func(ctx context.Context) ([]time.Duration, error) {
				begin, spent := time.Now(), e.processorTime()
				executions, err := crowd(ctx, clients, func(ctx context.Context) error {
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
	processes := &activities.Processes{Runner: e.runner, Interpreters: activities.HostInterpreters(), Level: policies.Maximum}
	e.worker = sdkworker.New(c, taskQueue, sdkworker.Options{
		MaxConcurrentActivityExecutionSize: 2 * runtime.NumCPU(),
		MaxHeartbeatThrottleInterval:       time.Second,
		DefaultHeartbeatThrottleInterval:   time.Second,
	})
	workflows.Register(e.worker)
	processes.Register(e.worker)
	e.worker.RegisterWorkflow(setByHand)
	e.worker.RegisterWorkflow(forByHand)
	e.worker.RegisterWorkflow(scriptByHand)
	e.worker.RegisterWorkflow(boxedByHand)
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

// byHand is a workflow written in Go.
type byHand struct {
	row      string
	workflow any
}

// compare is a group of workflows written in Go and a definition of the same effect.
func (e *executor) compare(name, file, want string, alternatives ...byHand) *group {
	g := &group{name: name}
	for _, a := range alternatives {
		g.probes = append(g.probes, timed(a.row, func(ctx context.Context) error {
			return e.execute(ctx, want, client.StartWorkflowOptions{TaskQueue: taskQueue}, a.workflow)
		}))
	}
	g.probes = append(g.probes, timed("definition", func(ctx context.Context) error {
		options, kind, start, err := definitionStart(file)
		if err != nil {
			return err
		}
		return e.execute(ctx, want, options, kind, start)
	}))
	return g
}

// definitionStart is how the command line starts an execution.
func definitionStart(file string) (client.StartWorkflowOptions, string, contract.Start, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return client.StartWorkflowOptions{}, "", contract.Start{}, err
	}
	def, err := definition.Parse(file, text)
	if err != nil {
		return client.StartWorkflowOptions{}, "", contract.Start{}, err
	}
	return client.StartWorkflowOptions{
		TaskQueue:             taskQueue,
		TypedSearchAttributes: workflows.SearchAttributes(def, ""),
		StaticSummary:         "version " + def.Document.Version,
	}, workflows.TypeName(def.Document), contract.Start{Definition: contract.Source{File: file, Document: string(text), Digest: def.Digest}}, nil
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

func setByHand(workflow.Context) (map[string]string, error) {
	return map[string]string{"greeting": "hello"}, nil
}

func forByHand(workflow.Context) (map[string]int, error) {
	sum := 0
	for number := 1; number <= 10; number++ {
		sum += number
	}
	return map[string]int{"sum": sum}, nil
}

func scriptByHand(ctx workflow.Context) (string, error) {
	return runByHand(ctx, runPython)
}

func boxedByHand(ctx workflow.Context) (string, error) {
	return runByHand(ctx, runBoxedPython)
}

func runByHand(ctx workflow.Context, activity func(context.Context, string) (string, error)) (string, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	var output string
	err := workflow.ExecuteActivity(ctx, activity, "print(6 * 7)").Get(ctx, &output)
	return output, err
}

func runPython(ctx context.Context, code string) (string, error) {
	output, err := exec.CommandContext(ctx, python, "-I", "-S", "-c", code).Output() //nolint:gosec // the code is ours
	return string(output), err
}

func runBoxedPython(ctx context.Context, code string) (string, error) {
	output, err := bubblewrap(ctx, nil, "-c", code).Output()
	return string(output), err
}

// quiet drops what the SDK logs.
type quiet struct{}

var _ log.Logger = quiet{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}
