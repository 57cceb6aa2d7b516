package activities

import (
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/virt/driver"
	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/sandbox/sandboxtest"
)

func TestMain(m *testing.M) {
	sandboxtest.Enter()
	sandbox.MaybeInit()
	if driver.Started() && slices.Contains(intruded, driver.URI()) {
		os.Exit(serveLibvirt(intruder{}))
	}
	MaybeLibvirt()
	if calls := os.Getenv(remotely); calls != "" {
		os.Exit(callRemotely(calls))
	}
	goleak.VerifyTestMain(m)
}

// newRunner skips the test, saying why, on a machine that cannot sandbox.
func newRunner(t *testing.T) *sandbox.Runner {
	t.Helper()
	r, err := sandbox.New(sandbox.Options{})
	if errors.Is(err, sandbox.ErrUnavailable) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

// requireFault checks an error's type and detail, and that Temporal can show it.
func requireFault(t *testing.T, err error, kind, detail string) {
	t.Helper()
	var fault *contract.Fault
	require.ErrorAs(t, err, &fault)
	require.Equal(t, kind, fault.Type)
	require.Equal(t, detail, fault.Detail)
	require.NotZero(t, fault.Status)
	require.NotEmpty(t, fault.Title)
}
