package worker

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
)

// marker is the variable that every script of this test, and all that it
// starts, has in its environment.
const marker = "LEFTOVER=5c1b7f0e"

// ending is a way for a run to end, and how often this test has it.
type ending struct {
	name  string
	runs  int
	code  string
	end   func(t *testing.T, s *session, run client.WorkflowRun) // nil: it ends by itself
	after string                                                 // timeout of the task
	want  int                                                    // exit code
}

var endings = []ending{
	{name: "success", runs: 26, code: "print(1)", want: exitCompleted},
	{name: "daemon", runs: 20, code: daemonScript, want: exitCompleted},
	{name: "fault", runs: 20, code: "import sys; print('no', file=sys.stderr); sys.exit(3)", want: exitFaulted},
	{name: "crash", runs: 5, code: "import os; os.abort()", want: exitFaulted},
	// A fifth run would put the definition into quarantine.
	{name: "flood", runs: 4, code: "while True: print('x' * 65536)", want: exitFaulted},
	{name: "timeout", runs: 15, code: daemonScript + "time.sleep(600)", after: "PT0.3S", want: exitTimedOut},
	{name: "cancel", runs: 10, code: daemonScript + "time.sleep(600)", end: cancelRunning, want: exitCancelled},
}

// daemonScript leaves a process behind that has detached itself in every way.
const daemonScript = `
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for descriptor in range(3):
            os.close(descriptor)
        time.sleep(600)
    os._exit(0)
os.wait()
`

func (e ending) document() string {
	text := "document: {dsl: 1.0.3, namespace: leftovers, name: " + e.name + ", version: 1.0.0}\ndo:\n- task:\n"
	if e.after != "" {
		text += "    timeout: {after: " + e.after + "}\n"
	}
	name, value, _ := strings.Cut(marker, "=")
	text += "    run:\n      script:\n        language: python\n        environment: {" + name + ": " + value + "}\n        code: |\n"
	return text + "          " + strings.ReplaceAll(strings.TrimSpace(e.code), "\n", "\n          ") + "\n"
}

// cancelRunning cancels an execution once its script runs.
func cancelRunning(t *testing.T, s *session, run client.WorkflowRun) {
	t.Helper()
	require.Eventually(t, func() bool {
		state, err := s.state(t.Context(), run.GetID())
		return err == nil && len(state.Tasks) > 0 && state.Tasks[0].Status == "running"
	}, patience, 50*time.Millisecond)
	require.NoError(t, s.CancelWorkflow(t.Context(), run.GetID(), run.GetRunID()))
}

// TestLeftovers ends 104 runs of a real "lazaret up" in every way, the worker's
// own death among them, and looks for what is left of them on the machine. None
// is kept warm: that one would have the environment by which a run is known.
func TestLeftovers(t *testing.T) {
	before := mounts(t)
	temporary := t.TempDir()
	environment := []string{"TMPDIR=" + temporary}
	dir := filepath.Join(t.TempDir(), "state")

	up, s := startUp(t, dir, environment, "--level", "standard", "--max-scripts", "4", "--warm", "0")
	endAll(t, s)
	require.Empty(t, marked(marker), "processes while the worker lives on")
	requireNothingLeft(t, up)

	victim, s := startUp(t, dir, environment, "--level", "standard", "--warm", "0")
	held := holdFour(t, s)
	first := awaitMarked(t, heldMarker, len(held))
	groups := ownGroups(t, victim.Process.Pid)
	require.NotEmpty(t, groups)
	require.NoError(t, victim.Process.Kill())
	_ = victim.Wait()
	for _, pid := range first {
		awaitGone(t, pid)
	}

	heir, s := startUp(t, dir, environment, "--level", "standard", "--warm", "0")
	again := awaitMarked(t, heldMarker, len(held))
	for _, group := range groups {
		require.NoDirExists(t, group, "the next worker removes what a killed one left")
	}
	release(t, again)
	for _, id := range held {
		_, err := follow(t.Context(), s.Client, s.GetWorkflow(t.Context(), id, ""), nil)
		require.NoError(t, err)
	}
	requireNothingLeft(t, heir)

	assert.Equal(t, before, mounts(t))
	entries, err := os.ReadDir(temporary)
	require.NoError(t, err)
	assert.Empty(t, entries, "temporary files")
}

// endAll starts every ending's runs at once and waits until they have ended as
// they should.
func endAll(t *testing.T, s *session) {
	t.Helper()
	type started struct {
		ending
		run client.WorkflowRun
	}
	var all []started
	for _, e := range endings {
		for i := range e.runs {
			run, err := s.begin(t.Context(), document(t, e.document(), "null"), fmt.Sprintf("%s-%d", e.name, i))
			require.NoError(t, err)
			all = append(all, started{e, run})
		}
	}
	quiet := &app{stderr: &transcript{}}
	for _, each := range all {
		if each.end != nil {
			each.end(t, s, each.run)
		}
		_, err := follow(t.Context(), s.Client, each.run, nil)
		assert.Equal(t, each.want, quiet.report(err), "%s: %v", each.run.GetID(), err)
	}
}

const heldMarker = "LC_HOLDING=leftovers"

func holdFour(t *testing.T, s *session) []string {
	t.Helper()
	var ids []string
	for i := range 4 {
		id := "held-" + strconv.Itoa(i)
		_, err := s.begin(t.Context(), document(t, holding, `{"marker": "leftovers"}`), id)
		require.NoError(t, err)
		ids = append(ids, id)
	}
	return ids
}

// requireNothingLeft stops a process and looks for its descendants and groups.
func requireNothingLeft(t *testing.T, c *lazaretCommand) {
	t.Helper()
	descendants := descendantsOf(c.Process.Pid)
	require.NotEmpty(t, descendants, "prepared sandboxes at least")
	c.signal(t, syscall.SIGTERM)
	require.NoError(t, c.Wait())
	for _, pid := range descendants {
		awaitGone(t, pid)
	}
	require.Empty(t, marked(marker))
	require.Empty(t, marked(heldMarker))
	require.Empty(t, ownGroups(t, c.Process.Pid))
}

// awaitGone waits until a process is no more, or is a zombie of a parent that
// is not ours.
func awaitGone(t *testing.T, pid int) {
	t.Helper()
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		return err != nil || strings.Contains(string(text), "State:\tZ")
	}, patience, 10*time.Millisecond, "process %d", pid)
}

func descendantsOf(pid int) []int {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	var found []int
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for word := range strings.FieldsSeq(string(text)) {
			child, _ := strconv.Atoi(word)
			found = append(append(found, child), descendantsOf(child)...)
		}
	}
	return found
}

// ownGroups finds the cgroups that a process made: their names carry its id.
func ownGroups(t *testing.T, pid int) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir("/sys/fs/cgroup", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.HasPrefix(d.Name(), "lazaret-") && strings.Contains(d.Name(), "-"+strconv.Itoa(pid)+"-") {
			found = append(found, path)
		}
		return nil
	})
	require.NoError(t, err)
	return found
}

// mounts are this machine's, as this process sees them.
func mounts(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("/proc/self/mounts")
	require.NoError(t, err)
	return string(text)
}
