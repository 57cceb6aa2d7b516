package activities

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"

	"lazaret.dev/lazaret/activities/audit"
	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/environments"
	"lazaret.dev/lazaret/activities/secrets"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// TestRunScript_Policy: a program has the limits, folders and level of its
// definition's policy, and the digest of it stands in the result and on every line
// of the audit log.
func TestRunScript_Policy(t *testing.T) {
	log := &kept{}
	var ran sandbox.Spec
	p := &Processes{
		Audit: log,
		Policies: atLevel(policies.Standard, func(e *policies.Effective) {
			e.Limits.Memory, e.Scratch, e.Shares = 64<<20, 1<<20, []string{"/srv/data"}
		}),
		Runner: runnerFunc(func(_ context.Context, spec sandbox.Spec) (sandbox.Result, error) {
			ran = spec
			return sandbox.Result{Outcome: sandbox.Completed}, nil
		}),
	}
	result, err := execute(t, p, contract.Process{Language: "python", Return: "none"})
	require.NoError(t, err)
	require.EqualValues(t, 64<<20, ran.Limits.Memory)
	require.EqualValues(t, 1<<20, ran.Scratch)
	require.Equal(t, []string{"/srv/data"}, ran.Data)
	require.Equal(t, "standard", result.Level)
	require.Len(t, result.Policy, 64)
	require.NotEmpty(t, log.events)
	for _, event := range log.events {
		require.Equal(t, result.Policy, event.Policy)
	}
}

// TestRunScript_Overreach (A24, A25): a weaker level than the policy's is a
// violation of type InvalidPermission, which the audit log, metrics and ledger are
// told of, and the program does not start.
func TestRunScript_Overreach(t *testing.T) {
	log := &kept{}
	var observed, alerted []sandbox.Violation
	p := &Processes{
		Audit: log, Policies: atLevel(policies.Strict),
		Observe: func(_ contract.Process, _ policies.Level, r sandbox.Result) {
			observed = append(observed, r.Violations...)
		},
		Alert: func(_ contract.Process, _ policies.Level, v sandbox.Violation) { alerted = append(alerted, v) },
	}
	_, err := execute(t, p, contract.Process{Language: "python", Return: "none", Sandbox: contract.Sandbox{Metadata: "minimal"}})
	require.ErrorContains(t, err, "level minimal is weaker than the policy's strict")
	require.Len(t, observed, 1)
	require.Equal(t, observed, alerted)
	require.Equal(t, sandbox.InvalidPermission, observed[0].Type)
	require.Equal(t, sandbox.High, observed[0].Severity)
	require.Equal(t, []audit.Kind{audit.Violation, audit.Denied}, []audit.Kind{log.events[0].Kind, log.events[1].Kind})
}

// TestSecret_Policy: a secret that is declared and mapped is read only where the
// policy lists it.
func TestSecret_Policy(t *testing.T) {
	t.Setenv("A_SECRET_OF_THIS_TEST", "canary")
	store := &secrets.Store{}
	require.NoError(t, store.Add("db=env:A_SECRET_OF_THIS_TEST"))
	read := func(readable policies.Patterns) (any, error) {
		return newUnsealer(store, []string{"db"}, policies.Effective{Secrets: readable}).secret(t.Context(), "db")
	}
	value, err := read(policies.Patterns{"d*"})
	require.NoError(t, err)
	require.Equal(t, "canary", value)
	_, err = read(nil)
	require.ErrorContains(t, err, `the policy does not let this definition read secret "db"`)
	unsigned := policies.Effective{Because: "it is not signed"}
	_, err = newUnsealer(store, []string{"db"}, unsigned).secret(t.Context(), "db")
	require.ErrorContains(t, err, `read secret "db"; it is not signed`)
}

// TestSecret_Absent: that a secret is forbidden is a violation; that the operator has
// not put it where it should be is none, whatever the store answers.
func TestSecret_Absent(t *testing.T) {
	store := &secrets.Store{}
	require.NoError(t, store.Add("db=env:NOT_SET_ANYWHERE_IN_THIS_TEST"))
	everything := policies.Patterns{"*"}
	ask := func(readable policies.Patterns, name string) (violations int, err error) {
		_, cause := newUnsealer(store, []string{"db", "unmapped"}, policies.Effective{Secrets: readable}).secret(t.Context(), name)
		filer := &countingFiler{}
		environment := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
		environment.RegisterActivityWithOptions(func(ctx context.Context) error {
			return failure(filing{filer: filer}.unfit(ctx, cause))
		}, activity.RegisterOptions{Name: "refuse"})
		_, err = environment.ExecuteActivity("refuse")
		return filer.violations, err
	}
	violations, err := ask(everything, "db")
	require.ErrorContains(t, err, `secret "db": environment variable NOT_SET_ANYWHERE_IN_THIS_TEST is not set`)
	require.Zero(t, violations)
	violations, err = ask(everything, "unmapped")
	require.ErrorContains(t, err, `secret "unmapped" is not known to this worker`)
	require.Zero(t, violations)
	violations, _ = ask(nil, "db")
	require.Equal(t, 1, violations)
	violations, _ = ask(everything, "undeclared")
	require.Equal(t, 1, violations)
}

// countingFiler counts what it is told.
type countingFiler struct{ violations int }

func (f *countingFiler) Tell(_ context.Context, r contract.ViolationReport) error {
	f.violations += len(r.Violations)
	return nil
}

func (f *countingFiler) File(_ context.Context, r contract.ViolationReport) (*contract.Order, error) {
	f.violations += len(r.Violations)
	return nil, nil
}

// TestPackages_Policy (B29, B30): packages, versions and indexes that the policy
// does not list are refused before anything is asked of an index.
func TestPackages_Policy(t *testing.T) {
	index, err := environments.NewIndex(t.TempDir(), nil, nil)
	require.NoError(t, err)
	supplies := Supplies{Environments: &environments.Environments{Index: index}}
	lock := func(change func(*policies.PythonRules), request contract.PackageRequest) error {
		_, err := lockPackages(t, supplies, atLevel(policies.Strict, func(e *policies.Effective) { change(&e.Python) }), request)
		return err
	}
	require.ErrorContains(t, lock(func(p *policies.PythonRules) { p.Packages = policies.Patterns{"numpy"} },
		contract.PackageRequest{Packages: []string{"NumPy>=1", "Requests"}}), "the policy does not let this definition use the package requests")
	require.ErrorContains(t, lock(func(p *policies.PythonRules) { p.Versions = policies.Patterns{"3.12"} },
		contract.PackageRequest{Version: "3.11", Packages: []string{"numpy"}}), `the policy does not let this definition use Python "3.11"`)
	require.ErrorContains(t, lock(func(p *policies.PythonRules) { p.Indexes = policies.Patterns{"pypi.example.com"} },
		contract.PackageRequest{Packages: []string{"numpy"}}), "no package of the index "+index.String())
}

// TestNoPolicy: a worker without a policy gives level maximum and nothing more.
func TestNoPolicy(t *testing.T) {
	e, err := (&Processes{}).judge(contract.Process{})
	require.NoError(t, err)
	require.Equal(t, policies.Maximum, e.Level)
	require.Empty(t, e.Egress)
	env := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
	(&Calls{}).Register(env)
	_, err = env.ExecuteActivity(contract.CallHTTP, contract.Call{With: []byte(`{"method":"get","uri":"https://example.com/"}`)})
	require.ErrorContains(t, err, "example.com")
}
