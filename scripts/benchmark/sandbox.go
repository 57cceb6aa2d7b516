package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

const (
	python     = "/usr/bin/python3"
	script     = "import json\nprint(json.dumps({'answer': 6 * 7}))\n"
	wantScript = `{"answer": 42}`
)

// sandboxSection measures the sandbox alone, without Temporal.
func sandboxSection(ctx context.Context, b *bench) (_ []*group, err error) {
	s, err := newScripts(b.dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.runner.Close()) }()
	latency := &group{
		name:  "one short Python script, one at a time",
		pause: 20 * time.Millisecond,
		probes: []probe{
			timed("python3 -I -S", s.bare),
			timed("bwrap + python3 -I -S", s.bubblewrap),
			timed("sandbox, level maximum", s.boxed(policies.Maximum)),
			timed("sandbox, level standard", s.boxed(policies.Standard)),
		},
	}
	if err := latency.measure(ctx, b.rounds, 4*b.effort); err != nil {
		return nil, err
	}
	workers := 2 * runtime.NumCPU()
	throughput := &group{
		name: fmt.Sprintf("the same script, %d at a time without a pause, per script", workers),
		probes: []probe{
			saturated("python3 -I -S", workers, s.bare),
			saturated("bwrap + python3 -I -S", workers, s.bubblewrap),
			saturated("sandbox, level maximum", workers, s.boxed(policies.Maximum)),
			saturated("sandbox, level standard", workers, s.boxed(policies.Standard)),
		},
	}
	return []*group{latency, throughput}, throughput.measure(ctx, b.rounds, 1)
}

// saturated is a probe of the mean time per call while workers call act.
func saturated(row string, workers int, act func(context.Context) error) probe {
	return probe{rows: []string{row}, take: func(ctx context.Context) ([]time.Duration, error) {
		begin := time.Now()
		calls, err := crowd(ctx, workers, 10, act)
		return []time.Duration{time.Since(begin) / calls}, err
	}}
}

// crowd has workers call act, each so often; it returns how often in all.
func crowd(ctx context.Context, workers, each int, act func(context.Context) error) (calls time.Duration, err error) {
	errs := make([]error, workers)
	var running sync.WaitGroup
	for w := range workers {
		running.Go(func() {
			for i := 0; i < each && errs[w] == nil; i++ {
				errs[w] = act(ctx)
			}
		})
	}
	running.Wait()
	return time.Duration(workers * each), errors.Join(errs...)
}

// scripts runs the one script in every way.
type scripts struct {
	dir, path string
	runner    *sandbox.Runner
}

func newScripts(dir string) (*scripts, error) {
	s := &scripts{dir: filepath.Join(dir, "script"), path: filepath.Join(dir, "script", "script.py")}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(s.path, []byte(script), 0o600); err != nil {
		return nil, err
	}
	var err error
	s.runner, err = sandbox.New(sandbox.Options{})
	return s, err
}

func (s *scripts) bare(ctx context.Context) error {
	return expect(exec.CommandContext(ctx, python, "-I", "-S", s.path).Output()) //nolint:gosec // the path is ours
}

func (s *scripts) bubblewrap(ctx context.Context) error {
	return expect(bubblewrap(ctx, []string{"--ro-bind", s.dir, "/lazaret"}, "/lazaret/script.py").Output())
}

// bubblewrap gives python3 namespaces like the sandbox's. It applies no
// system-call filter, no Landlock and no limits.
func bubblewrap(ctx context.Context, options []string, arguments ...string) *exec.Cmd {
	args := append([]string{
		"--unshare-all", "--die-with-parent", "--new-session", "--clearenv", "--hostname", "sandbox",
		"--uid", "1000", "--gid", "1000", "--cap-drop", "ALL",
	}, options...)
	for _, bind := range sandbox.HostEnvironment().Binds {
		args = append(args, "--ro-bind", bind, bind)
	}
	args = append(args, "--", python, "-I", "-S")
	return exec.CommandContext(ctx, "bwrap", append(args, arguments...)...) //nolint:gosec // the arguments are ours
}

func expect(out []byte, err error) error {
	if err != nil {
		return err
	}
	if strings.TrimSpace(string(out)) != wantScript {
		return fmt.Errorf("the script printed %q", out)
	}
	return nil
}

func (s *scripts) boxed(level policies.Level) func(context.Context) error {
	return func(ctx context.Context) error {
		spec, err := policies.SpecFor(level)
		if err != nil {
			return err
		}
		host := sandbox.HostEnvironment()
		spec.Binds = host.Binds
		spec.Files = append(host.Files, sandbox.File{Path: "/lazaret/script.py", Content: []byte(script)})
		spec.Argv = []string{python, "-I", "-S", "/lazaret/script.py"}
		result, err := s.runner.Run(ctx, spec)
		if err == nil && result.Outcome != sandbox.Completed {
			err = fmt.Errorf("the script ended as %s: %s", result.Outcome, result.Stderr)
		}
		return expect(result.Stdout, err)
	}
}
