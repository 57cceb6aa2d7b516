package activities

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/audit"
	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// askBroker is a script that meets every sort of answer.
const askBroker = `
import lazaret
from lazaret.libvirt import domain_info
print(lazaret.libvirt.domain.list(state="running"))
print(domain_info("web-1", uri="test:///default"))
for ask in (
    lambda: domain_info("nobody"),
    lambda: domain_info("a\nb"),
    lambda: lazaret.libvirt.domain_info(),
    lambda: lazaret.libvirt.domain_list("running", state="paused"),
    lambda: lazaret.libvirt.domain.explode(),
):
    try: ask()
    except Exception as error: print(type(error).__name__, getattr(error, "status", ""), error)
print(len(dir(lazaret.libvirt)), domain_info.__doc__.splitlines()[-1])
`

// TestScriptMachines: scripts at every level, warm and cold, get what a task gets:
// the same broker, verdicts, records and errors.
func TestScriptMachines(t *testing.T) {
	cold, warm := newRunner(t), newWarmRunner(t)
	for _, level := range policies.Levels() {
		for name, run := range map[string]func(*testing.T, sandbox.Spec) sandbox.Result{
			"cold": func(t *testing.T, s sandbox.Spec) sandbox.Result {
				t.Helper()
				result, err := cold.Run(t.Context(), s)
				require.NoError(t, err)
				return result
			},
			"warm": func(t *testing.T, s sandbox.Spec) sandbox.Result { t.Helper(); return runWarm(t, warm, s) },
		} {
			if name == "warm" && level != policies.Maximum && level != policies.Standard {
				continue // it takes seconds until one waits
			}
			t.Run(level.String()+"/"+name, func(t *testing.T) {
				m := newMachines(policies.DefaultLibvirt(LibvirtOperations()))
				request := contract.Process{Language: "python", Code: askBroker, Task: contract.TaskID{Namespace: "ops", Name: "fleet", Execution: "e", Reference: "/do/0/ask"}}
				spec, err := HostInterpreters().Spec(request, level)
				require.NoError(t, err)
				m.serve(&spec, request, workflow.Execution{}, "e/r/1", false)
				result := run(t, spec)
				lines := strings.Split(strings.TrimSpace(string(result.Stdout)), "\n")
				require.Len(t, lines, 8, "%s", result.Stderr)
				require.Equal(t, "{'domains': []}", lines[0])
				require.Equal(t, `NotFound 404 Not found (404): there is no guest "nobody"`, lines[2])
				require.Contains(t, lines[3], "Invalid 400 Invalid libvirt operation (400): ")
				require.Contains(t, lines[4], "give name or uuid")
				require.Contains(t, lines[5], "TypeError  domain_list() got multiple values for argument 'state'")
				require.Contains(t, lines[6], "AttributeError  domain_explode is no operation")
				require.Contains(t, lines[7], "domain_info(name=None, uuid=None, uri=None)")
				require.Empty(t, result.Violations)

				require.Len(t, m.calls, 3)
				require.Equal(t, "qemu:///system", m.calls[0].URI)
				require.Equal(t, "test:///default", m.calls[1].URI)
				require.True(t, m.calls[0].ReadOnly)
				require.Equal(t, 6, m.count(audit.Operation))
				require.Equal(t, 2, m.count(audit.Denied), "arguments that are refused")
				first := m.kinds[0]
				require.Equal(t, []string{"ops", "fleet", "e", "/do/0/ask", "script"},
					[]string{first.Namespace, first.Name, first.Execution, first.Task, first.Detail["caller"]})
			})
		}
	}
}

// TestScriptMachines_NoGrant: where the policy grants a definition's scripts nothing
// there is no descriptor, and the module says so.
func TestScriptMachines_NoGrant(t *testing.T) {
	r := newRunner(t)
	none := policies.DefaultLibvirt(LibvirtOperations())
	none.Definitions = []policies.LibvirtException{{Match: "ops/*", Callers: []string{"script"}, Allow: []string{}}}
	for _, level := range policies.Levels() {
		result := scriptRun(t, r, newMachines(none), level, `
import os, lazaret
try: os.fstat(5)
except OSError as error: print(error.strerror)
try: lazaret.libvirt.domain_list()
except lazaret.Denied as error: print(error)`)
		require.Equal(t, "Bad file descriptor\nLibvirt operation denied (403): the policy grants scripts of this definition no operation on virtual machines\n", string(result.Stdout), "%s", result.Stderr)
	}
	require.True(t, none.Grants("ops/fleet", "task", LibvirtOperations()))
	require.False(t, none.Grants("ops/fleet", "script", LibvirtOperations()))
	require.True(t, none.Grants("other/fleet", "script", LibvirtOperations()))
}

// TestScriptMachines_Denials: a denial is recorded once and is one violation.
func TestScriptMachines_Denials(t *testing.T) {
	r := newRunner(t)
	m := newMachines(policies.DefaultLibvirt(LibvirtOperations()))
	result := scriptRun(t, r, m, policies.Strict, `
import lazaret
for ask in (lazaret.libvirt.domain_start, lazaret.libvirt.domain_delete):
    try: ask("web-1")
    except lazaret.Denied as error: print(error.status, error.type.rsplit("/", 1)[-1])`)
	require.Equal(t, "403 authorization\n403 authorization\n", string(result.Stdout), "%s", result.Stderr)
	require.Equal(t, 2, m.count(audit.Denied))
	require.Empty(t, m.calls)
	require.Len(t, result.Violations, 2)
	for i, severity := range []sandbox.Severity{sandbox.Medium, sandbox.High} {
		require.Equal(t, sandbox.InvalidPermission, result.Violations[i].Type)
		require.Equal(t, severity, result.Violations[i].Severity)
		require.Equal(t, 1, result.Violations[i].Count)
	}
}

// TestScriptMachines_Keys: a script that runs again asks under the same keys, and
// two requests for the same are two.
func TestScriptMachines_Keys(t *testing.T) {
	r := newRunner(t)
	policy := policies.DefaultLibvirt(LibvirtOperations())
	policy.ReadOnly, policy.Allow = false, []string{"domain.reboot", "domain.start"}
	const code = `
import lazaret
lazaret.libvirt.domain_start("web-1")
lazaret.libvirt.domain_reboot("web-1")
lazaret.libvirt.domain_reboot("web-1")`
	keys := func() (all []string) {
		m := newMachines(policy)
		result := scriptRun(t, r, m, policies.Maximum, code)
		require.Equal(t, sandbox.Completed, result.Outcome, "%s", result.Stderr)
		for _, call := range m.calls {
			all = append(all, call.Key)
		}
		return all
	}
	first := keys()
	require.Len(t, first, 3)
	require.NotEqual(t, first[1], first[2])
	require.Equal(t, first, keys())
}
