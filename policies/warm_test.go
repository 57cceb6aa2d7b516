package policies_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/sandbox/sandboxtest"
	"lazaret.dev/lazaret/sandbox/zygote"
)

// warm makes a Python script's Spec one of the runner's that executions use.
func warm(t *testing.T, level policies.Level, s *sandbox.Spec) {
	t.Helper()
	runner, err := os.ReadFile("../activities/runners/python.py")
	require.NoError(t, err)
	const script = "/lazaret/script.py"
	s.Files[len(s.Files)-1].Path = script
	s.Files = append(s.Files, sandbox.File{Path: "/lazaret/run.py", Content: runner})
	s.Argv = []string{"/usr/bin/python3", "-I", "-S", "-B", "-X", "utf8", "/lazaret/run.py"}
	started := func(how string) []string { return slices.Insert(slices.Clone(s.Argv), 1, "-X", how) }
	s.Warm = &sandbox.Warm{Argv: started("warm"), Env: s.Env, Late: script, OwnLayout: level == policies.Maximum, Zygote: &sandbox.Zygote{
		Argv: started("zygote"), Files: []sandbox.File{{Path: "/lazaret/zygote.py", Content: zygote.Python}},
	}}
}

// refill is how the sandboxes of this package's tests are made: as by default, copies
// but at maximum, or as LAZARET_TEST_REFILL says.
func refill() sandbox.Refill {
	if way := os.Getenv("LAZARET_TEST_REFILL"); way != "" {
		return sandbox.Refill(way)
	}
	if zygote.Code() == nil {
		return sandbox.RefillStart
	}
	return sandbox.RefillAuto
}

// copies says whether those of a level are copies.
func copies(level policies.Level) bool {
	return refill() == sandbox.RefillZygote || refill() == sandbox.RefillAuto && level != policies.Maximum
}

// runWarm runs a Spec in a sandbox that waited for it. It tries again when
// something of the host has changed meanwhile.
func runWarm(t *testing.T, r *sandbox.Runner, s sandbox.Spec) sandbox.Result {
	t.Helper()
	for range 3 {
		before := r.PoolStats().Hits
		require.NoError(t, r.Keep(t.Context(), s))
		result, err := r.Run(t.Context(), s)
		require.NoError(t, err)
		if r.PoolStats().Hits > before {
			return result
		}
	}
	require.Fail(t, "the runs were not warm", "%+v", r.PoolStats())
	return sandbox.Result{}
}

// eachWarm runs a corpus: the levels at the same time, each with a runner of its
// own, so that it can be told that every run was warm, and how it was made so.
func eachWarm(t *testing.T, pattern string, levels func(file, source string) []policies.Level, check func(*testing.T, *sandbox.Runner, policies.Level, string, string)) {
	t.Helper()
	files, err := sandboxtest.Corpus(pattern)
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, level := range policies.Levels() {
		t.Run(level.String(), func(t *testing.T) {
			t.Parallel()
			r := newPool(t, sandbox.PoolLimits{PerKind: 1, Refill: refill(), Report: func(err error) { t.Error(err) }})
			t.Cleanup(func() {
				stats := r.PoolStats()
				assert.Equal(t, copies(level), stats.Started == 0)
				assert.Equal(t, copies(level), stats.Forked > 0)
			})
			for _, file := range files {
				source, err := os.ReadFile(file)
				require.NoError(t, err)
				if slices.Contains(levels(file, string(source)), level) {
					t.Run(filepath.Base(file), func(t *testing.T) { check(t, r, level, file, string(source)) })
				}
			}
		})
	}
}

// hostileWarmLevels are maximum and one other for each script, which one depends
// on its text; all of them when LAZARET_TEST_WARM is set, which takes minutes.
func hostileWarmLevels(_, source string) []policies.Level {
	levels := policies.Levels()
	if os.Getenv("LAZARET_TEST_WARM") != "" {
		return levels
	}
	others := levels[1:]
	return []policies.Level{levels[0], others[len(source)%len(others)]}
}

// TestHostile_Warm: an interpreter that waited holds a hostile script as one that
// did not, also when it is the copy of a zygote.
func TestHostile_Warm(t *testing.T) {
	t.Parallel()
	eachWarm(t, "../testdata/hostile/*.py", hostileWarmLevels, hostileWarm)
}

func hostileWarm(t *testing.T, r *sandbox.Runner, level policies.Level, file, source string) {
	t.Helper()
	e := expected(t, file, source)
	s := spec(t, level, source)
	confine(&s, e.outcomes[level])
	warm(t, level, &s)
	e.check(t, level, runWarm(t, r, s))
}

// aboutCopies are those hostile scripts that have to do with what a copy shares with its
// zygote and others: memory and code, processes, descriptors, ids, /proc, output.
const aboutCopies = "abort clone_* denial_flood descriptors dumpable exec_loader exec_memfd forged_* fork jit_pages kill_* memfd_secret memory_bomb " +
	"mprotect_code own_filter pidfd_* proc_* process_* ptrace service_token setns setuid subprocess thread_survivor unshare vfork written_code x32"

// TestHostile_CopiesAtMaximum: an operator may have copies at maximum too, with --refill
// zygote. They hold what has to do with them, and every twelfth of the other scripts.
func TestHostile_CopiesAtMaximum(t *testing.T) {
	files, err := sandboxtest.Corpus("../testdata/hostile/*.py")
	require.NoError(t, err)
	if zygote.Code() == nil && os.Getenv("CI") == "" {
		t.Skip("no zygotes on this architecture")
	}
	r := newPool(t, sandbox.PoolLimits{PerKind: 2, Refill: sandbox.RefillZygote, Report: func(err error) { t.Error(err) }})
	ran := 0
	t.Run("scripts", func(t *testing.T) { // so that the runner outlives them
		for i, file := range files {
			name := strings.TrimSuffix(filepath.Base(file), ".py")
			concerned := slices.ContainsFunc(strings.Fields(aboutCopies), func(pattern string) bool {
				ok, err := filepath.Match(pattern, name)
				return ok && err == nil
			})
			if !concerned && i%12 != 0 {
				continue
			}
			source, err := os.ReadFile(file)
			require.NoError(t, err)
			ran++
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				hostileWarm(t, r, policies.Maximum, file, string(source))
			})
		}
	})
	assert.Greater(t, ran, 50)
	stats := r.PoolStats()
	assert.Zero(t, stats.Started)
	assert.GreaterOrEqual(t, stats.Forked, uint64(ran))
}

// TestHonest_Warm: nor does it hinder an ordinary one.
func TestHonest_Warm(t *testing.T) {
	t.Parallel()
	levels := func(file, source string) []policies.Level { return levelsOf(t, file, source) }
	eachWarm(t, "../testdata/honest/*.py", levels, honestWarm)
}

func honestWarm(t *testing.T, r *sandbox.Runner, level policies.Level, _, source string) {
	t.Helper()
	s := spec(t, level, source)
	s.Limits.Wall = time.Minute
	warm(t, level, &s)
	result := runWarm(t, r, s)
	assert.Equal(t, sandbox.Completed, result.Outcome, "stderr: %s\n%+v", result.Stderr, result.Violations)
	for _, v := range result.Violations {
		assert.Equal(t, sandbox.Low, v.Severity, "%+v", v)
	}
	assert.Empty(t, string(result.Stderr))
}
