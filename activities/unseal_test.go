package activities

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/secrets"
	"lazaret.dev/lazaret/policies"
)

// vaultAt is a store whose secret db is in the Vault that answers there.
func vaultAt(t *testing.T, serve http.HandlerFunc) *secrets.Store {
	t.Helper()
	server := httptest.NewServer(serve)
	t.Cleanup(server.Close)
	t.Setenv("VAULT_ADDR", server.URL)
	t.Setenv("VAULT_TOKEN", "token")
	vault, err := secrets.NewVault(secrets.VaultOptions{Timeout: time.Minute})
	require.NoError(t, err)
	store := &secrets.Store{}
	store.UseVault(vault)
	require.NoError(t, store.Add("db=vault:kv/db#password"))
	return store
}

// TestUnseal_SlowStore: Temporal hears of a script that waits for its secrets; without
// a heartbeat it would begin again elsewhere, and wait there.
func TestUnseal_SlowStore(t *testing.T) {
	heard := make(chan struct{})
	once := sync.OnceFunc(func() { close(heard) })
	store := vaultAt(t, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-heard:
		case <-r.Context().Done():
			return
		}
		if r.URL.Path == "/v1/kv/db" {
			fmt.Fprint(w, `{"data": {"password": "canary"}}`)
			return
		}
		fmt.Fprint(w, `{"data": {"path": "kv/", "type": "kv"}}`)
	})
	p := &Processes{Secrets: store}
	environment := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
	environment.SetOnActivityHeartbeatListener(func(*activity.Info, converter.EncodedValues) { once() })
	environment.RegisterActivityWithOptions(func(ctx context.Context) (string, error) {
		opened, _, err := p.unseal(ctx, contract.Process{
			Environment: map[string]string{"PW": ""}, Secrets: []string{"db"},
			Sealed: contract.Sealed{Expressions: []contract.SealedExpression{{Path: "/environment/PW", Source: "$secrets.db", Reads: []string{"secrets"}}}},
		}, policies.Effective{Secrets: policies.Patterns{"*"}})
		return opened.Environment["PW"], err
	}, activity.RegisterOptions{Name: "unseal"})
	value, err := environment.ExecuteActivity("unseal")
	require.NoError(t, err)
	var text string
	require.NoError(t, value.Get(&text))
	require.Equal(t, "canary", text)
}

// TestSecret_NotReached: a store that is away is no authorization that is lacking; what
// is retried against an error of communication is retried against this one.
func TestSecret_NotReached(t *testing.T) {
	for status, want := range map[int]string{http.StatusServiceUnavailable: contract.CommunicationError, http.StatusForbidden: contract.AuthorizationError} {
		store := vaultAt(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, `{"errors": ["so it is"]}`)
		})
		_, err := newUnsealer(store, []string{"db"}, policies.Effective{Secrets: policies.Patterns{"*"}}).secret(t.Context(), "db")
		fault := (*contract.Fault)(nil)
		require.ErrorAs(t, err, &fault)
		require.Equal(t, want, fault.Type)
		require.ErrorContains(t, err, fmt.Sprintf(`secret "db": vault path kv/db: status %d: so it is`, status))
	}
}
