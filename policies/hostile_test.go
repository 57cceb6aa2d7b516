package policies_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/sandbox/sandboxtest"
)

// TestHostile runs every script of the corpus at every level.
func TestHostile(t *testing.T) {
	r := newRunner(t)
	files, err := sandboxtest.Corpus("../testdata/hostile/*.py")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 120)
	t.Run("scripts", func(t *testing.T) { // so that the runner outlives them
		for _, file := range files {
			source, err := os.ReadFile(file)
			require.NoError(t, err)
			e := expected(t, file, string(source))
			for _, level := range policies.Levels() {
				t.Run(filepath.Base(file)+"/"+level.String(), func(t *testing.T) {
					t.Parallel()
					e.check(t, level, attack(t, r, level, string(source), e.outcomes[level]))
				})
			}
		}
	})
}

// hasI386 tells whether the kernel has the i386 ABI: without it (IA32_EMULATION
// off, or a guest of a hypervisor that does not pass interrupt 0x80 on), the
// interrupt is a fault of the program that no filter gets to see.
func hasI386(t *testing.T, script string) bool {
	t.Helper()
	err := exec.CommandContext(t.Context(), "/usr/bin/python3", script).Run()
	if exit, ended := errors.AsType[*exec.ExitError](err); ended {
		status, ok := exit.Sys().(syscall.WaitStatus)
		require.True(t, ok && status.Signaled() && status.Signal() == syscall.SIGSEGV, "%s: %v", script, err)
		return false
	}
	require.NoError(t, err)
	return true
}

// faults changes an expectation to what is left of it where the forbidden thing
// does not exist: wherever a page may be written and run, a signal ends the script.
func (e expectation) faults() {
	for _, level := range []policies.Level{policies.Strict, policies.Standard, policies.Minimal} {
		e.outcomes[level], e.seen[level] = sandbox.Signalled, false
	}
}

// attack runs a hostile script in a small sandbox. One that is expected to run
// into its time limit is not waited for long; the others have time to fail.
func attack(t *testing.T, r *sandbox.Runner, level policies.Level, source string, want sandbox.Outcome) sandbox.Result {
	t.Helper()
	return run(t, r, level, source, func(s *sandbox.Spec) { confine(s, want) })
}

func confine(s *sandbox.Spec, want sandbox.Outcome) {
	s.Limits.Wall = 30 * time.Second
	if want == sandbox.TimedOut {
		s.Limits.Wall = time.Second
	}
	s.Limits.Memory = 160 << 20
	s.Limits.Processes = min(s.Limits.Processes, 64)
}

// expectation is the first line of a hostile script, see the corpus's README.
type expectation struct {
	outcomes map[policies.Level]sandbox.Outcome
	seen     map[policies.Level]bool // a violation is reported, one of these
	oneOf    []sandbox.Violation     // their details are parts of the real ones
}

var firstLine = regexp.MustCompile(`^# maximum=(\S+) strict=(\S+) standard=(\S+) minimal=(\S+); ([^;]+); \S`)

func expected(t *testing.T, file, source string) expectation {
	t.Helper()
	m := firstLine.FindStringSubmatch(source)
	require.NotNil(t, m, "%s: the first line must say how the run ends", file)
	e := expectation{outcomes: map[policies.Level]sandbox.Outcome{}, seen: map[policies.Level]bool{}}
	for i, level := range policies.Levels() {
		outcome, seen := strings.CutSuffix(m[1+i], "!")
		e.outcomes[level], e.seen[level] = sandbox.Outcome(outcome), seen
	}
	for text := range strings.SplitSeq(m[5], " or ") {
		if text == "none" {
			continue
		}
		words := strings.SplitN(text, " ", 3)
		require.GreaterOrEqual(t, len(words), 2, file)
		v := sandbox.Violation{Type: sandbox.ViolationType(words[0])}
		require.NoError(t, v.Severity.UnmarshalText([]byte(words[1])), file)
		if len(words) == 3 {
			v.Detail = words[2]
		}
		e.oneOf = append(e.oneOf, v)
	}
	if filepath.Base(file) == "int80.py" && !hasI386(t, file) {
		e.faults()
	}
	return e
}

func (e expectation) check(t *testing.T, level policies.Level, result sandbox.Result) {
	t.Helper()
	assert.Equal(t, e.outcomes[level], result.Outcome, "stderr: %s\nviolations: %+v", result.Stderr, result.Violations)
	assert.NotContains(t, string(result.Stdout), "ESCAPED")
	if !e.seen[level] {
		for _, v := range result.Violations {
			assert.Equal(t, sandbox.Low, v.Severity, "%+v", v)
		}
		return
	}
	for _, v := range result.Violations {
		if e.wants(v) {
			assert.NotEmpty(t, v.ID)
			assert.Positive(t, v.Count)
			assert.NotEmpty(t, v.Action)
			return
		}
	}
	assert.Fail(t, "the violation was not reported", "%+v", result.Violations)
}

func (e expectation) wants(got sandbox.Violation) bool {
	return slices.ContainsFunc(e.oneOf, func(want sandbox.Violation) bool {
		return got.Type == want.Type && got.Severity == want.Severity && strings.Contains(got.Detail, want.Detail)
	})
}
