package sandbox_test

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// TestSoak runs 200 programs, and half as many by each way to warm sandboxes, or as
// many each as LAZARET_SOAK says, four at a time and at all levels in turn: afterwards
// there are as many descriptors, threads, groups, mounts and processes as before, and
// hardly more memory.
func TestSoak(t *testing.T) {
	asked, _ := strconv.Atoi(os.Getenv("LAZARET_SOAK"))
	for name, test := range map[string]struct {
		limits sandbox.PoolLimits
		runs   int
		spec   func(testing.TB, policies.Level, string) sandbox.Spec
	}{
		"cold":   {sandbox.PoolLimits{}, 200, python},
		"warm":   {sandbox.PoolLimits{PerKind: 1}, 100, warmSpec},
		"forked": {sandbox.PoolLimits{PerKind: 1, Refill: sandbox.RefillZygote, Report: func(err error) { t.Error(err) }}, 100, forkSpec},
	} {
		t.Run(name, func(t *testing.T) { soakOne(t, newPool(t, test.limits), cmp.Or(asked, test.runs), test.spec) })
	}
}

type makeSpec func(testing.TB, policies.Level, string) sandbox.Spec

func soakOne(t *testing.T, r *sandbox.Runner, runs int, spec makeSpec) {
	t.Helper()
	soak(t, r, 24, spec) // what is made once
	before := census(t, r)
	soak(t, r, runs, spec)
	after := census(t, r)
	t.Logf("%d runs; before %+v, after %+v; pool %+v", runs, before, after, r.PoolStats())
	assert.LessOrEqual(t, after.heap, before.heap+4<<20, "heap")
	assert.LessOrEqual(t, after.threads, before.threads+8, "threads: Go keeps some")
	before.heap, after.heap, before.threads, after.threads = 0, 0, 0, 0
	assert.Equal(t, before, after)
}

// counts is what a leak would show in.
type counts struct {
	descriptors, groups, mounts, processes, routines, threads int
	heap                                                      uint64
}

// census counts when the runner has cleaned up and prepared its slots again.
func census(t *testing.T, r *sandbox.Runner) counts {
	t.Helper()
	var now, last counts
	atRest := assert.Eventually(t, func() bool {
		runtime.GC()
		var mem runtime.MemStats
		runtime.ReadMemStats(&mem)
		stats := r.PoolStats()
		last, now = now, counts{
			entries(t, "/proc/self/fd"), len(ownGroups(t, os.Getpid())), strings.Count(readFile(t, "/proc/self/mountinfo"), "\n"),
			len(children(t)), runtime.NumGoroutine(), entries(t, "/proc/self/task"), mem.HeapAlloc,
		}
		return now.processes == 2+stats.Idle+stats.Zygotes && now.descriptors == last.descriptors && now.groups == last.groups && now.routines == last.routines
	}, 30*time.Second, 200*time.Millisecond)
	if !atRest {
		t.Fatalf("the runner does not come to rest: %+v; pool %+v; children:\n%s", now, r.PoolStats(), strings.Join(described(children(t)), "\n"))
	}
	return now
}

// described says what processes are.
func described(pids []string) []string {
	all := slices.Clone(pids)
	for i, pid := range pids {
		command, _ := os.ReadFile("/proc/" + pid + "/cmdline")
		stat, _ := os.ReadFile("/proc/" + pid + "/stat")
		all[i] = fmt.Sprintf("%q, %.60q", stat[:min(len(stat), 60)], command)
	}
	return all
}

func entries(t *testing.T, dir string) int {
	t.Helper()
	list, err := os.ReadDir(dir)
	require.NoError(t, err)
	return len(list)
}

// soak runs programs that end in different ways.
func soak(t *testing.T, r *sandbox.Runner, runs int, spec makeSpec) {
	t.Helper()
	scripts := []string{"pass", "import os; os.fork()", "open('/etc/shadow')", "import os; os.abort()", "while True: pass", "x = bytearray(1 << 30)"}
	levels := policies.Levels()
	work := make(chan int)
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for i := range work {
				s := spec(t, levels[i%len(levels)], scripts[i%len(scripts)])
				s.Limits.Wall, s.Limits.Memory = 500*time.Millisecond, 32<<20
				_, err := r.Run(t.Context(), s)
				assert.NoError(t, err)
			}
		})
	}
	for i := range runs {
		work <- i
	}
	close(work)
	workers.Wait()
}
