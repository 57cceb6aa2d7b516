package activities

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/audit"
	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/virt"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// machines is a broker with a driver that counts, and all it wrote down.
type machines struct {
	ScriptMachines
	mu    sync.Mutex
	calls []virt.Call
	kinds []audit.Event
}

func (m *machines) Call(_ context.Context, call virt.Call, _ func(virt.Progress)) (json.RawMessage, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls = append(m.calls, call)
	if name := call.Arguments.Text("name"); name == "nobody" {
		return nil, virt.Errorf(virt.NotFound, "there is no guest %q", name)
	}
	return json.RawMessage(`{"domains": []}`), nil
}

func (m *machines) Append(e audit.Event) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kinds = append(m.kinds, e)
	return uint64(len(m.kinds)), nil
}

func (m *machines) count(kind audit.Kind) int {
	n := 0
	for _, e := range m.kinds {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

func newMachines(policy policies.Libvirt) *machines {
	m := &machines{}
	m.Broker = NewLibvirtBroker(m, policy, m)
	operations := LibvirtOperations()
	m.Grants = func(definition string) bool { return policy.Grants(definition, "script", operations) }
	return m
}

// scriptRun runs a script with a way to the broker, as the activity does.
func scriptRun(t *testing.T, r *sandbox.Runner, m *machines, level policies.Level, code string) sandbox.Result {
	t.Helper()
	request := contract.Process{Language: "python", Code: code, Task: contract.TaskID{Namespace: "ops", Name: "fleet", Execution: "e", Reference: "/do/0/ask"}}
	spec, err := HostInterpreters().Spec(request, level)
	require.NoError(t, err)
	m.serve(&spec, request, workflow.Execution{}, "e/r/1", false)
	spec.Limits.Wall = 20 * time.Second
	result, err := r.Run(t.Context(), spec)
	require.NoError(t, err)
	return result
}

// TestChannel_Hostile runs each hostile script at each level: the worker makes of
// it what its first line says, carries out no more than that, and its run ends.
func TestChannel_Hostile(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../testdata/channel/*.py")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 20)
	r := newRunner(t)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		first, _, _ := strings.Cut(string(text), "\n")
		want, most, ok := strings.Cut(strings.TrimPrefix(first, "# "), ", at most ")
		require.True(t, ok, "%s: %s", file, first)
		limit, err := strconv.Atoi(most)
		require.NoError(t, err)
		for _, level := range policies.Levels() {
			t.Run(filepath.Base(file)+"/"+level.String(), func(t *testing.T) {
				t.Parallel()
				m := newMachines(policies.DefaultLibvirt(LibvirtOperations()))
				result := scriptRun(t, r, m, level, string(text))
				require.LessOrEqual(t, len(m.calls), limit)
				require.NotContains(t, string(result.Stdout), "carried out")
				require.NotContains(t, string(result.Stderr), "AssertionError")
				var found []sandbox.Violation
				for _, v := range result.Violations {
					if v.Type == sandbox.InvalidPermission && v.Syscall == "" {
						found = append(found, v)
					}
				}
				if want == "none" {
					require.Empty(t, found)
					return
				}
				require.Len(t, found, 1, "%s", result.Stderr)
				require.Contains(t, found[0].Detail, want)
				require.Equal(t, level == policies.Maximum, result.Outcome == sandbox.Denied, "%s", result.Outcome)
				for _, call := range m.calls {
					require.Equal(t, "domain.list", call.Operation)
				}
			})
		}
	}
}
