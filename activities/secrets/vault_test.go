package secrets_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/secrets"
)

// vaultServer stands in for Vault's HTTP API: a KV engine of each version, tokens,
// the AppRole login. As Vault does, it answers for a deleted version with 404 and the
// version's metadata, and for what is mounted nowhere with 403.
type vaultServer struct {
	*httptest.Server
	logins int
	token  string // taken now
}

func startVault(t *testing.T) *vaultServer {
	t.Helper()
	v := &vaultServer{token: "root-token"}
	v.Server = httptest.NewServer(http.HandlerFunc(v.serve))
	t.Cleanup(v.Close)
	t.Setenv("VAULT_ADDR", v.URL)
	t.Setenv("VAULT_TOKEN", "")
	return v
}

func (v *vaultServer) serve(w http.ResponseWriter, r *http.Request) {
	answer := func(status int, body any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body)
	}
	if r.URL.Path == "/v1/auth/approle/login" {
		var login map[string]string
		_ = json.NewDecoder(r.Body).Decode(&login)
		if login["role_id"] != "role" || login["secret_id"] != "id-of-secret" {
			answer(http.StatusBadRequest, map[string]any{"errors": []string{"invalid role or secret ID"}})
			return
		}
		v.logins++
		v.token = fmt.Sprintf("login-%d", v.logins)
		answer(http.StatusOK, map[string]any{"auth": map[string]any{"client_token": v.token, "lease_duration": 3600}})
		return
	}
	if r.Header.Get("X-Vault-Token") != v.token {
		answer(http.StatusForbidden, map[string]any{"errors": []string{"permission denied"}})
		return
	}
	data := map[string]any{"password": "from-vault", "port": 5432}
	switch path := strings.TrimPrefix(r.URL.Path, "/v1/"); path {
	case "sys/internal/ui/mounts/kv2/billing/db", "sys/internal/ui/mounts/kv2/gone", "sys/internal/ui/mounts/kv2/none":
		answer(http.StatusOK, map[string]any{"data": map[string]any{"path": "kv2/", "type": "kv", "options": map[string]any{"version": "2"}}})
	case "sys/internal/ui/mounts/old/billing/db":
		answer(http.StatusOK, map[string]any{"data": map[string]any{"path": "old/", "type": "kv", "options": nil}})
	case "kv2/data/billing/db":
		answer(http.StatusOK, map[string]any{"data": map[string]any{"data": data, "metadata": map[string]any{"version": 3, "created_time": "2026-01-01T00:00:00Z", "deletion_time": "", "destroyed": false}}})
	case "kv2/data/gone":
		answer(http.StatusNotFound, map[string]any{"data": map[string]any{"data": nil, "metadata": map[string]any{"version": 3, "created_time": "2026-01-01T00:00:00Z", "deletion_time": "2026-01-02T00:00:00Z", "destroyed": false}}})
	case "sys/internal/ui/mounts/x/y":
		answer(http.StatusForbidden, map[string]any{"errors": []string{`preflight capability check returned 403, please ensure client's policies grant access to path "x/y/"`}})
	case "old/billing/db":
		answer(http.StatusOK, map[string]any{"data": data})
	default:
		answer(http.StatusNotFound, map[string]any{"errors": []string{}})
	}
}

func vaultStore(t *testing.T, options secrets.VaultOptions, mappings ...string) *secrets.Store {
	t.Helper()
	vault, err := secrets.NewVault(options)
	require.NoError(t, err)
	store := &secrets.Store{}
	store.UseVault(vault)
	for _, mapping := range mappings {
		require.NoError(t, store.Add(mapping))
	}
	return store
}

func TestVault_BothVersions(t *testing.T) {
	startVault(t)
	t.Setenv("VAULT_TOKEN", "root-token")
	store := vaultStore(t, secrets.VaultOptions{},
		"two=vault:kv2/billing/db#password", "port=vault:kv2/billing/db#port", "all=vault:old/billing/db",
		"field=vault:old/billing/db#none", "gone=vault:kv2/gone#x", "none=vault:kv2/none#x", "nowhere=vault:x/y#z")
	for name, want := range map[string]any{"two": "from-vault", "port": "5432"} {
		value, err := store.Resolve(t.Context(), name)
		require.NoError(t, err)
		assert.Equal(t, want, value)
	}
	all, err := store.Resolve(t.Context(), "all")
	require.NoError(t, err)
	assert.Equal(t, "from-vault", all.(map[string]any)["password"])
	for name, want := range map[string]string{"field": `no field "none"`, "gone": "deleted", "none": "kv2/none", "nowhere": "vault path x/y: status 403: preflight capability check returned 403"} {
		_, err := store.Resolve(t.Context(), name)
		require.ErrorContains(t, err, want, name)
		assert.NotContains(t, err.Error(), "from-vault")
	}
}

func TestVault_AppRole(t *testing.T) {
	v := startVault(t)
	id := filepath.Join(t.TempDir(), "id")
	require.NoError(t, os.WriteFile(id, []byte("id-of-secret"), 0o600))
	t.Setenv("LAZARET_TEST_ROLE", "role")
	store := vaultStore(t, secrets.VaultOptions{RoleID: "env:LAZARET_TEST_ROLE", SecretID: "file:" + id}, "a=vault:kv2/billing/db#password")
	for range 2 {
		value, err := store.Resolve(t.Context(), "a")
		require.NoError(t, err)
		assert.Equal(t, "from-vault", value)
	}
	assert.Equal(t, 1, v.logins, "the token is kept")
	v.token = "revoked-all"
	_, err := store.Resolve(t.Context(), "a")
	require.NoError(t, err)
	assert.Equal(t, 2, v.logins, "a token that is refused is replaced")
	require.NoError(t, os.WriteFile(id, []byte("wrong"), 0o600))
	v.token = "revoked-all"
	_, err = store.Resolve(t.Context(), "a")
	require.ErrorContains(t, err, "AppRole login: status 400: invalid role or secret ID")
}

func TestNewVault_Refuses(t *testing.T) {
	t.Setenv("VAULT_TOKEN", "x")
	for address, want := range map[string]string{
		"http://vault.example.com:8200": "only https is safe",
		"https://user:pw@vault":         "is no URL",
	} {
		t.Setenv("VAULT_ADDR", address)
		_, err := secrets.NewVault(secrets.VaultOptions{})
		require.ErrorContains(t, err, want)
	}
	t.Setenv("VAULT_ADDR", "https://vault.example.com")
	_, err := secrets.NewVault(secrets.VaultOptions{RoleID: "env:X"})
	require.ErrorContains(t, err, "needs both")
	t.Setenv("VAULT_TOKEN", "")
	_, err = secrets.NewVault(secrets.VaultOptions{})
	require.ErrorContains(t, err, "no token")
}
