package ledger

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"lazaret.dev/lazaret/activities/contract"
)

// TestInterceptor_Verdict: what is put away while it ends keeps what it has done
// itself, and is not done again; all else was ended by the hold.
func TestInterceptor_Verdict(t *testing.T) {
	t.Parallel()
	own := contract.Process{Task: contract.TaskID{Namespace: "demo", Name: "report"}}
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"it was ended for what it must not": {failed(contract.AuthorizationError, ""), contract.AuthorizationError},
		"it wrote too much":                 {failed(contract.RuntimeError, contract.CodeResource), contract.RuntimeError},
		"it had too much memory":            {failed(contract.RuntimeError, contract.CodeMemory), contract.RuntimeError},
		"it took too long":                  {failed(contract.TimeoutError, ""), contract.TimeoutError},
		"it was killed, perhaps by us":      {failed(contract.RuntimeError, contract.CodeCrash), contract.Quarantined},
		"it failed, perhaps for us":         {failed(contract.RuntimeError, ""), contract.Quarantined},
		"it was cancelled":                  {context.Canceled, contract.Quarantined},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := &Gate{}
			g.set(nil)
			g.heard(time.Now())
			var suite testsuite.WorkflowTestSuite
			env := suite.NewTestActivityEnvironment()
			env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{g.Interceptor()}})
			act := func(ctx context.Context, _ contract.Process) error {
				g.set([]contract.Held{{Namespace: "demo", Name: "report", State: contract.LedgerQuarantined, Revision: 7}})
				<-ctx.Done()
				return test.err
			}
			env.RegisterActivityWithOptions(act, activity.RegisterOptions{Name: contract.RunScript})
			_, err := env.ExecuteActivity(contract.RunScript, own)
			var application *temporal.ApplicationError
			require.ErrorAs(t, err, &application)
			assert.Equal(t, test.want, application.Type())
		})
	}
}

// failed is the error that an activity makes of a fault.
func failed(kind, code string) error {
	fault := &contract.Fault{Type: kind, Title: kind, Code: code}
	return temporal.NewApplicationErrorWithOptions(fault.Error(), kind, temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{fault}})
}
