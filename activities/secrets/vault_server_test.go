package secrets_test

import (
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/secrets"
	"lazaret.dev/lazaret/activities/secrets/vaulttest"
)

// realVault starts HashiCorp's own server, with an engine of each version, a policy
// that reads some of what is in them, and the AppRole login.
func realVault(t *testing.T, files *vaulttest.TLS) *vaulttest.Server {
	t.Helper()
	if testing.Short() {
		t.Skip("builds a Vault")
	}
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "VAULT_") {
			t.Setenv(name, "")
		}
	}
	v, err := vaulttest.Start(t.Context(), files)
	require.NoError(t, err)
	t.Cleanup(v.Stop)
	write := func(path string, data map[string]any) {
		_, err := v.Root.Logical().WriteWithContext(t.Context(), path, data)
		require.NoError(t, err, path)
	}
	write("sys/mounts/kv2", map[string]any{"type": "kv", "options": map[string]any{"version": "2"}})
	write("sys/mounts/old", map[string]any{"type": "kv", "options": map[string]any{"version": "1"}})
	write("sys/auth/approle", map[string]any{"type": "approle"})
	write("sys/policies/acl/reader", map[string]any{"policy": `
		path "kv2/data/billing/*" { capabilities = ["read"] }
		path "kv2/data/gone"      { capabilities = ["read"] }
		path "kv2/data/none"      { capabilities = ["read"] }
		path "kv2/data/data/*"    { capabilities = ["read"] }
		path "old/*"              { capabilities = ["read"] }
		path "moving/*"           { capabilities = ["read"] }`})
	for _, name := range []string{"billing/db", "gone", "payroll"} {
		// A new engine of version 2 says for a moment that it is being upgraded.
		require.Eventually(t, func() bool {
			_, err := v.Root.KVv2("kv2").Put(t.Context(), name, map[string]any{"password": "canary-in-vault", "port": 5432, "nothing": nil, "empty": ""})
			return err == nil
		}, time.Minute, 50*time.Millisecond)
	}
	require.NoError(t, v.Root.KVv2("kv2").Delete(t.Context(), "gone"))
	require.NoError(t, v.Root.KVv1("old").Put(t.Context(), "billing/db", map[string]any{"password": "canary-in-vault"}))
	t.Setenv("VAULT_ADDR", v.Address)
	return v
}

// readerToken is a token of the policy.
func readerToken(t *testing.T, v *vaulttest.Server) string {
	t.Helper()
	secret, err := v.Root.Logical().WriteWithContext(t.Context(), "auth/token/create", map[string]any{"policies": []string{"reader"}})
	require.NoError(t, err)
	return secret.Auth.ClientToken
}

// requireUnavailable reads a secret that is not there, and looks for what an error
// must not hold.
func requireUnavailable(t *testing.T, store *secrets.Store, name string, temporary bool, want string) {
	t.Helper()
	_, err := store.Resolve(t.Context(), name)
	unavailable := (*secrets.UnavailableError)(nil)
	require.ErrorAs(t, err, &unavailable, name)
	require.ErrorContains(t, err, want, name)
	assert.Equal(t, temporary, unavailable.Temporary(), "%s", err)
	for _, secret := range []string{"canary-in-vault", "hvs.", "\n"} {
		assert.NotContains(t, err.Error(), secret, name)
	}
}

func TestVaultServer_BothVersions(t *testing.T) {
	v := realVault(t, nil)
	t.Setenv("VAULT_TOKEN", readerToken(t, v))
	store := vaultStore(t, secrets.VaultOptions{},
		"two=vault:kv2/billing/db#password", "port=vault:kv2/billing/db#port", "all=vault:kv2/billing/db", "one=vault:old/billing/db#password", "allOfOne=vault:old/billing/db",
		"field=vault:kv2/billing/db#none", "null=vault:kv2/billing/db#nothing", "empty=vault:kv2/billing/db#empty", "gone=vault:kv2/gone#x", "none=vault:kv2/none#x",
		"noneOfOne=vault:old/none#x", "payroll=vault:kv2/payroll#password", "api=vault:kv2/data/billing/db#password", "apiRefused=vault:kv2/data/payroll#password",
		"nowhere=vault:x/y#z", "system=vault:sys/mounts#kv2/")
	for range 2 { // again, with the engine known
		for name, want := range map[string]any{
			"two": "canary-in-vault", "one": "canary-in-vault", "port": "5432", "allOfOne": map[string]any{"password": "canary-in-vault"},
		} {
			value, err := store.Resolve(t.Context(), name)
			require.NoError(t, err, name)
			assert.Equal(t, want, value, name)
		}
		all, err := store.Resolve(t.Context(), "all")
		require.NoError(t, err)
		assert.Len(t, all, 4)
		for name, want := range map[string]string{
			"field":      `vault path kv2/billing/db has no field "none"; vault kv get kv2/billing/db shows those that it has`,
			"null":       `has no field "nothing"`,
			"empty":      `field "empty": it is empty`,
			"gone":       "vault path kv2/gone: its newest version is deleted; vault kv undelete brings it back",
			"none":       "there is no secret at kv2/data/none; vault kv put writes one",
			"noneOfOne":  "there is no secret at old/none",
			"payroll":    "vault path kv2/payroll: status 403: permission denied; the token has to be valid, and a policy of it has to grant read on kv2/data/payroll",
			"api":        "there is no secret at kv2/data/data/billing/db; write kv2/billing/db if data/ comes from a path of the HTTP API",
			"apiRefused": "write kv2/payroll if data/ comes from a path of the HTTP API",
			"nowhere":    `status 403: preflight capability check returned 403, please ensure client's policies grant access to path "x/y/"`,
			"system":     `it is in no KV engine ("system"); vault secrets list shows which are`,
		} {
			requireUnavailable(t, store, name, false, want)
		}
	}
}

func TestVaultServer_WrongToken(t *testing.T) {
	v := realVault(t, nil)
	t.Setenv("VAULT_TOKEN", "hvs.of-nobody")
	store := vaultStore(t, secrets.VaultOptions{}, "a=vault:kv2/billing/db#password")
	requireUnavailable(t, store, "a", false, "status 403: permission denied, invalid token; the token has to be valid")

	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte("hvs.of-nobody\n"), 0o600))
	store = vaultStore(t, secrets.VaultOptions{Token: "file:" + file}, "a=vault:kv2/billing/db#password")
	requireUnavailable(t, store, "a", false, "invalid token")
	require.NoError(t, os.WriteFile(file, []byte(readerToken(t, v)+"\n"), 0o600))
	value, err := store.Resolve(t.Context(), "a")
	require.NoError(t, err, "the token was exchanged")
	assert.Equal(t, "canary-in-vault", value)
}

// TestVaultServer_Sealed: who seals Vault and opens it again need not start a worker anew.
func TestVaultServer_Sealed(t *testing.T) {
	v := realVault(t, nil)
	t.Setenv("VAULT_TOKEN", readerToken(t, v))
	store := vaultStore(t, secrets.VaultOptions{}, "a=vault:kv2/billing/db#password", "b=vault:old/billing/db#password")
	_, err := store.Resolve(t.Context(), "a")
	require.NoError(t, err)
	require.NoError(t, v.Root.Sys().SealWithContext(t.Context()))
	for _, name := range []string{"a", "b"} { // its engine is known, and is not
		requireUnavailable(t, store, name, true, "status 503: Vault is sealed; vault status says whether it is sealed, vault operator unseal opens it")
	}
	_, err = v.Root.Sys().UnsealWithContext(t.Context(), v.Key)
	require.NoError(t, err)
	for _, name := range []string{"a", "b"} {
		require.Eventually(t, func() bool {
			value, err := store.Resolve(t.Context(), name)
			return err == nil && value == "canary-in-vault"
		}, time.Minute, 50*time.Millisecond)
	}
}

// TestVaultServer_EngineReplaced: an engine of version 1 that becomes one of version 2.
func TestVaultServer_EngineReplaced(t *testing.T) {
	v := realVault(t, nil)
	t.Setenv("VAULT_TOKEN", readerToken(t, v))
	store := vaultStore(t, secrets.VaultOptions{}, "a=vault:moving/x#field")
	mount := func(version string) {
		_, err := v.Root.Logical().WriteWithContext(t.Context(), "sys/mounts/moving", map[string]any{"type": "kv", "options": map[string]any{"version": version}})
		require.NoError(t, err)
	}
	mount("1")
	require.NoError(t, v.Root.KVv1("moving").Put(t.Context(), "x", map[string]any{"field": "before"}))
	value, err := store.Resolve(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, "before", value)
	require.NoError(t, v.Root.Sys().UnmountWithContext(t.Context(), "moving"))
	mount("2")
	require.Eventually(t, func() bool {
		_, err := v.Root.KVv2("moving").Put(t.Context(), "x", map[string]any{"field": "after"})
		return err == nil
	}, time.Minute, 50*time.Millisecond)
	value, err = store.Resolve(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, "after", value)
}

func TestVaultServer_TLS(t *testing.T) {
	certificate := httptest.NewUnstartedServer(nil)
	certificate.StartTLS()
	t.Cleanup(certificate.Close)
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
		return path
	}
	key, err := x509.MarshalPKCS8PrivateKey(certificate.TLS.Certificates[0].PrivateKey)
	require.NoError(t, err)
	files := &vaulttest.TLS{
		Certificate: write("certificate.pem", "CERTIFICATE", certificate.Certificate().Raw), Key: write("key.pem", "PRIVATE KEY", key),
		Authority: write("authority.pem", "CERTIFICATE", certificate.Certificate().Raw),
	}
	v := realVault(t, files)
	t.Setenv("VAULT_TOKEN", readerToken(t, v))
	const mapping = "a=vault:kv2/billing/db#password"
	requireUnavailable(t, vaultStore(t, secrets.VaultOptions{}, mapping), "a", false, "VAULT_CACERT has to name the certificate authority of this Vault")
	t.Setenv("VAULT_CACERT", files.Authority)
	value, err := vaultStore(t, secrets.VaultOptions{}, mapping).Resolve(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, "canary-in-vault", value)
	t.Setenv("VAULT_TLS_SERVER_NAME", "vault.example.org")
	requireUnavailable(t, vaultStore(t, secrets.VaultOptions{}, mapping), "a", false, "VAULT_ADDR has to name Vault as its certificate does")
	t.Setenv("VAULT_ADDR", strings.Replace(v.Address, "https", "http", 1))
	requireUnavailable(t, vaultStore(t, secrets.VaultOptions{}, mapping), "a", false, "status 400: Client sent an HTTP request to an HTTPS server")
}

// asked counts the questions to a Vault, as a proxy in front of it.
type asked struct {
	mu         sync.Mutex
	logins     int
	namespaces []string // of all
}

func (a *asked) loginsNow() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.logins
}

func proxied(t *testing.T, v *vaulttest.Server) *asked {
	t.Helper()
	target, err := url.Parse(v.Address)
	require.NoError(t, err)
	a := &asked{}
	proxy := httputil.NewSingleHostReverseProxy(target)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		if r.URL.Path == "/v1/auth/approle/login" {
			a.logins++
		}
		a.namespaces = append(a.namespaces, r.Header.Get("X-Vault-Namespace"))
		a.mu.Unlock()
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	t.Setenv("VAULT_ADDR", server.URL)
	return a
}

// appRole makes a role whose tokens live for ttl, and returns where its ids are.
func appRole(t *testing.T, v *vaulttest.Server, ttl string) (options secrets.VaultOptions, secretFile string) {
	t.Helper()
	_, err := v.Root.Logical().WriteWithContext(t.Context(), "auth/approle/role/worker", map[string]any{"token_policies": "reader", "token_ttl": ttl})
	require.NoError(t, err)
	role, err := v.Root.Logical().ReadWithContext(t.Context(), "auth/approle/role/worker/role-id")
	require.NoError(t, err)
	id, err := v.Root.Logical().WriteWithContext(t.Context(), "auth/approle/role/worker/secret-id", nil)
	require.NoError(t, err)
	secretFile = filepath.Join(t.TempDir(), "id")
	require.NoError(t, os.WriteFile(secretFile, []byte(id.Data["secret_id"].(string)), 0o600))
	t.Setenv("LAZARET_TEST_ROLE", role.Data["role_id"].(string))
	return secrets.VaultOptions{RoleID: "env:LAZARET_TEST_ROLE", SecretID: "file:" + secretFile}, secretFile
}

func TestVaultServer_AppRole(t *testing.T) {
	v := realVault(t, nil)
	t.Setenv("VAULT_NAMESPACE", "team") // Vault's community edition ignores it
	options, secretFile := appRole(t, v, "1h")
	a := proxied(t, v)
	store := vaultStore(t, options, "a=vault:kv2/billing/db#password", "payroll=vault:kv2/payroll#password")
	for range 3 {
		value, err := store.Resolve(t.Context(), "a")
		require.NoError(t, err)
		require.Equal(t, "canary-in-vault", value)
		requireUnavailable(t, store, "payroll", false, "grant read on kv2/data/payroll")
	}
	assert.Equal(t, 1, a.loginsNow(), "the token is kept, also where a policy refuses a path")
	assert.Subset(t, []string{"team/", "team"}, a.namespaces)

	revoke := func() {
		_, err := v.Root.Logical().WriteWithContext(t.Context(), "sys/leases/revoke-prefix/auth/approle", map[string]any{"sync": true})
		require.NoError(t, err)
	}
	revoke()
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			_, err := store.Resolve(t.Context(), "a")
			assert.NoError(t, err)
		})
	}
	group.Wait()
	assert.Equal(t, 2, a.loginsNow(), "one logs in for all")

	revoke()
	require.NoError(t, os.WriteFile(secretFile, []byte("hvs.wrong"), 0o600))
	requireUnavailable(t, store, "a", false, "AppRole login: status 400: invalid role or secret ID; what --vault-role-id and --vault-secret-id name")
}

// TestVaultServer_AppRoleExpires: a token that ends is replaced before it does, and no
// task sees it.
func TestVaultServer_AppRoleExpires(t *testing.T) {
	v := realVault(t, nil)
	options, _ := appRole(t, v, "4s")
	a := proxied(t, v)
	store := vaultStore(t, options, "a=vault:kv2/billing/db#password")
	for a.loginsNow() < 3 {
		_, err := store.Resolve(t.Context(), "a")
		require.NoError(t, err)
	}
}

// TestVault_NotReached: one that is not there, or does not answer, may be there later.
func TestVault_NotReached(t *testing.T) {
	t.Setenv("VAULT_TOKEN", "hvs.of-nobody")
	silent, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Setenv("VAULT_ADDR", "http://"+silent.Addr().String())
	store := vaultStore(t, secrets.VaultOptions{Timeout: 100 * time.Millisecond}, "a=vault:kv/x#y")
	requireUnavailable(t, store, "a", true, "vault path kv/x: Vault did not answer in time")
	require.NoError(t, silent.Close())
	store = vaultStore(t, secrets.VaultOptions{}, "a=vault:kv/x#y")
	requireUnavailable(t, store, "a", true, "Vault was not reached: dial tcp 127.0.0.1:")
}
