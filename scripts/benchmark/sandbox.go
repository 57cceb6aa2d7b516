package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"lazaret.dev/lazaret/activities"
	"lazaret.dev/lazaret/activities/contract"
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
	defer func() { err = errors.Join(err, s.close()) }()
	bare := timed("python3 -I -S", s.bare)
	warm := &group{
		name:   "one short Python script, one at a time, an interpreter waiting for it",
		pause:  20 * time.Millisecond,
		probes: append([]probe{bare}, s.whenReady()...),
	}
	cold := &group{
		name:   "the same script with no interpreter waiting",
		pause:  20 * time.Millisecond,
		probes: append([]probe{timed("bwrap + python3 -I -S", s.bubblewrap), bare}, s.atEveryLevel("cold", s.runCold)...),
	}
	workers := 2 * runtime.NumCPU()
	crowded := &group{
		name:   fmt.Sprintf("the same script, %d at a time without a pause, per script", workers),
		probes: []probe{saturated("python3 -I -S", workers, s.bare), saturated("bwrap + python3 -I -S", workers, s.bubblewrap)},
	}
	for _, level := range policies.Levels() {
		crowded.probes = append(crowded.probes,
			saturated("sandbox, cold, level "+level.String(), workers, s.runCold(level)),
			saturated("sandbox, warm, level "+level.String(), workers, s.runWarm(s.warm, level)),
			saturated("sandbox, forked, level "+level.String(), workers, s.runWarm(s.forked, level)))
	}
	refill := &group{name: "a warm sandbox made anew, by refill engine", pause: 20 * time.Millisecond, probes: []probe{bare}}
	for _, level := range policies.Levels() {
		refill.probes = append(refill.probes,
			s.refill("started, level "+level.String(), sandbox.PoolLimits{}, level),
			s.refill("forked, level "+level.String(), sandbox.PoolLimits{Refill: sandbox.RefillZygote}, level))
	}
	memory := &group{name: "memory of a sandbox that waits, as its cgroup counts it", unit: "MB"}
	denied := &group{name: "a system call of the script, by what becomes of it", unit: "µs", probes: []probe{s.call("chdir, permitted", "chdir")}}
	for _, level := range []policies.Level{policies.Strict, policies.Standard, policies.Minimal} {
		denied.probes = append(denied.probes, s.callAt(level, "chroot, denied, level "+level.String(), "chroot"))
	}
	for _, level := range policies.Levels() {
		memory.probes = append(memory.probes, s.idle(level))
	}
	return measureAll(ctx, b.rounds, sized{warm, 4 * b.effort}, sized{cold, 4 * b.effort}, sized{refill, b.effort}, sized{crowded, 1}, sized{memory, 1}, sized{denied, b.effort})
}

// sized is a group with the samples that a round takes of it.
type sized struct {
	*group
	samples int
}

func measureAll(ctx context.Context, rounds int, all ...sized) (groups []*group, err error) {
	for _, g := range all {
		if err := g.measure(ctx, rounds, g.samples); err != nil {
			return nil, err
		}
		groups = append(groups, g.group)
	}
	return groups, nil
}

// atEveryLevel are probes of the script at each level.
func (s *scripts) atEveryLevel(how string, run func(policies.Level) func(context.Context) error) []probe {
	var probes []probe
	for _, level := range policies.Levels() {
		probes = append(probes, timed(fmt.Sprintf("sandbox, %s, level %s", how, level), run(level)))
	}
	return probes
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
	dir, path          string
	cold, warm, forked *sandbox.Runner
}

func newScripts(dir string) (*scripts, error) {
	s := &scripts{dir: filepath.Join(dir, "script"), path: filepath.Join(dir, "script", "script.py")}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(s.path, []byte(script), 0o600); err != nil {
		return nil, err
	}
	for _, r := range []struct {
		runner **sandbox.Runner
		limits sandbox.PoolLimits
	}{{&s.cold, sandbox.PoolLimits{}}, {&s.warm, sandbox.PoolLimits{PerKind: 2}}, {&s.forked, sandbox.PoolLimits{PerKind: 2, Refill: sandbox.RefillZygote}}} {
		var err error
		if *r.runner, err = sandbox.New(sandbox.Options{Warm: r.limits}); err != nil {
			return nil, errors.Join(err, s.close())
		}
	}
	return s, nil
}

func (s *scripts) close() error {
	var errs []error
	for _, r := range []*sandbox.Runner{s.cold, s.warm, s.forked} {
		if r != nil {
			errs = append(errs, r.Close())
		}
	}
	return errors.Join(errs...)
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

// spec is what an execution's script gets at a level.
func spec(level policies.Level, code string) (sandbox.Spec, error) {
	return activities.HostInterpreters().Spec(contract.Process{Language: "python", Code: code}, level)
}

// runScript runs a script to its end and returns what it printed.
func runScript(ctx context.Context, r *sandbox.Runner, level policies.Level, code string) ([]byte, error) {
	s, err := spec(level, code)
	if err != nil {
		return nil, err
	}
	result, err := r.Run(ctx, s)
	if err == nil && result.Outcome != sandbox.Completed {
		err = fmt.Errorf("the script ended as %s: %s", result.Outcome, result.Stderr)
	}
	return result.Stdout, err
}

func (s *scripts) runCold(level policies.Level) func(context.Context) error {
	return func(ctx context.Context) error { return expect(runScript(ctx, s.cold, level, script)) }
}

// runWarm takes what the pool has. One at a time, that is a sandbox that waits;
// a crowd empties the pool, and then a script starts cold, or in one that is forked
// for it.
func (s *scripts) runWarm(r *sandbox.Runner, level policies.Level) func(context.Context) error {
	return func(ctx context.Context) error { return expect(runScript(ctx, r, level, script)) }
}

// refill is a probe of the time until a pool of one has a sandbox again that waits
// for scripts of the level.
func (s *scripts) refill(row string, limits sandbox.PoolLimits, level policies.Level) probe {
	return probe{rows: []string{row}, take: func(ctx context.Context) (_ []time.Duration, err error) {
		limits.PerKind = 1
		r, err := sandbox.New(sandbox.Options{Warm: limits})
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, r.Close()) }()
		waiting, err := spec(level, script)
		if err == nil {
			err = r.Keep(ctx, waiting)
		}
		if err == nil {
			_, err = r.Run(ctx, waiting)
		}
		if err != nil {
			return nil, err
		}
		begin := time.Now()
		err = r.Keep(ctx, waiting)
		return []time.Duration{time.Since(begin)}, err
	}}
}

// whenReady are probes of the script at each level, each once an interpreter waits
// for it, which takes no part in the time.
func (s *scripts) whenReady() []probe {
	var probes []probe
	for _, level := range policies.Levels() {
		p := timed("sandbox, warm, level "+level.String(), s.runWarm(s.warm, level))
		take := p.take
		p.take = func(ctx context.Context) ([]time.Duration, error) {
			before := s.warm.PoolStats().Hits
			if err := s.ready(ctx, level); err != nil {
				return nil, err
			}
			time.Sleep(100 * time.Millisecond) // the next one is started meanwhile
			took, err := take(ctx)
			if err == nil && s.warm.PoolStats().Hits == before {
				err = errors.New("no interpreter waited")
			}
			return took, err
		}
		probes = append(probes, p)
	}
	return probes
}

// ready waits until an interpreter waits for the level's scripts.
func (s *scripts) ready(ctx context.Context, level policies.Level) error {
	waiting, err := spec(level, script)
	if err != nil {
		return err
	}
	return s.warm.Keep(ctx, waiting)
}

// idle is a probe of the memory that a sandbox of the level takes while it waits.
func (s *scripts) idle(level policies.Level) probe {
	return probe{rows: []string{"level " + level.String()}, take: func(ctx context.Context) (_ []time.Duration, err error) {
		r, err := sandbox.New(sandbox.Options{Warm: sandbox.PoolLimits{PerKind: 1}})
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, r.Close()) }()
		waiting, err := spec(level, script)
		if err == nil {
			err = r.Keep(ctx, waiting)
		}
		if err != nil {
			return nil, err
		}
		return []time.Duration{units(float64(r.PoolStats().Memory) / 1e6)}, nil
	}}
}

func (s *scripts) call(row, name string) probe { return s.callAt(policies.Standard, row, name) }

// callAt is a probe of one system call, from Python and with Python's share of it.
// The script stops the time itself, and makes fewer calls than end a run.
func (s *scripts) callAt(level policies.Level, row, name string) probe {
	count := 500
	if level == policies.Strict {
		count = 20
	}
	code := fmt.Sprintf(`import os, time
call, took = os.%s, []
def once():
    begin = time.perf_counter()
    try: call("/")
    except OSError: pass
    took.append(time.perf_counter() - begin)
for _ in range(%d): once()
print(sorted(took)[len(took) // 2] * 1e6)
`, name, count)
	return probe{rows: []string{row}, take: func(ctx context.Context) ([]time.Duration, error) {
		out, err := runScript(ctx, s.cold, level, code)
		if err != nil {
			return nil, err
		}
		microseconds, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
		return []time.Duration{units(microseconds)}, err
	}}
}
