package activities

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"lazaret.dev/lazaret/activities/audit"
	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/environments"
	"lazaret.dev/lazaret/policies"
)

// TestSupplies_RefusalsAreRecorded: what a policy lets nobody fetch, and what is no
// HTTPS (B58), has its line in the audit log, with the policy's digest.
func TestSupplies_RefusalsAreRecorded(t *testing.T) {
	policy := policies.Single("test", policies.Maximum, func(e *policies.Effective) { e.Python.Packages = policies.Patterns{"six"} })
	task := contract.TaskID{Namespace: "a", Name: "b", Digest: "d", Reference: "/do/0/x", Execution: "e"}
	for name, tt := range map[string]struct {
		activity string
		request  any
		want     []audit.Kind
	}{
		"a script's host":   {contract.FetchScript, contract.ScriptFetch{Task: task, Script: contract.RemoteScript{URL: "https://evil.example/x.py"}}, []audit.Kind{audit.Denied}},
		"a script's scheme": {contract.FetchScript, contract.ScriptFetch{Task: task, Script: contract.RemoteScript{URL: "http://evil.example/x.py"}}, []audit.Kind{audit.Finding}},
		"a function's host": {contract.FetchFunction, contract.FunctionFetch{Task: task, URL: "https://evil.example/f.yaml"}, []audit.Kind{audit.Denied}},
		"a package":         {contract.LockPackages, contract.PackageRequest{Task: task, Packages: []string{"numpy"}}, []audit.Kind{audit.Denied}},
		"a script's loading": {contract.RunScript, contract.Process{
			Task: task, Language: "python", Source: contract.RemoteScript{URL: "https://evil.example/x.py", SHA256: "0"},
		}, []audit.Kind{audit.Denied}},
	} {
		t.Run(name, func(t *testing.T) {
			var suite testsuite.WorkflowTestSuite
			env := suite.NewTestActivityEnvironment()
			log := &kept{}
			p := &Processes{
				Supplies: Supplies{Environments: &environments.Environments{}}, Interpreters: HostInterpreters(),
				Policies: FixedPolicy{policy}, Audit: log,
			}
			p.Register(env)
			_, err := env.ExecuteActivity(tt.activity, tt.request)
			require.Error(t, err)
			var kinds []audit.Kind
			for _, e := range log.events {
				kinds = append(kinds, e.Kind)
				assert.Equal(t, policy.Digest, e.Policy)
				assert.Equal(t, "a/b /do/0/x e", e.Namespace+"/"+e.Name+" "+e.Task+" "+e.Execution)
			}
			assert.Equal(t, tt.want, kinds)
		})
	}
}
