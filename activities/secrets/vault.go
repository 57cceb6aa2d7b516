package secrets

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/vault/api"
)

// vaultTimeout bounds a question to Vault, with what is tried again, unless the
// options say otherwise.
const vaultTimeout = 30 * time.Second

// VaultOptions say where Vault is and who asks. What is empty comes from the
// environment, in the variables of the vault command: VAULT_ADDR, VAULT_TOKEN,
// VAULT_CACERT, VAULT_NAMESPACE and the rest.
type VaultOptions struct {
	Token    string // a source: env:, file: or credential:
	RoleID   string // a source; with SecretID, for the AppRole login
	SecretID string
	// Timeout bounds a question, with what is tried again; 0: half a minute.
	Timeout time.Duration
}

// Vault reads secrets of a KV engine, version 1 or 2, in HashiCorp's Vault. It is
// safe for concurrent use.
type Vault struct {
	client           *api.Client // without a token; as makes one that has it
	environment      string      // VAULT_TOKEN
	token            source      // nil: VAULT_TOKEN, or AppRole
	roleID, secretID source

	login   chan struct{} // holds one while somebody logs in; guards current and expires
	current string        // the token that the last login gave
	expires time.Time     // zero: it does not

	mu     sync.Mutex
	mounts map[string]mount // by path
}

// mount is a secrets engine.
type mount struct {
	path    string
	version string
}

// NewVault connects to nothing yet. It refuses an address over which the token
// would be seen by others.
func NewVault(options VaultOptions) (*Vault, error) {
	config := api.DefaultConfig()
	if config.Error != nil {
		return nil, fmt.Errorf("vault: %w", config.Error)
	}
	if err := checkVaultAddress(cmp.Or(config.AgentAddress, config.Address)); err != nil {
		return nil, err
	}
	if insecure, _ := strconv.ParseBool(os.Getenv(api.EnvVaultSkipVerify)); insecure {
		return nil, errors.New("vault: VAULT_SKIP_VERIFY would give the token to whoever answers; name Vault's certificate authority in VAULT_CACERT instead")
	}
	config.Timeout = cmp.Or(options.Timeout, vaultTimeout)
	config.MaxRetries = 2
	client, err := api.NewClient(config)
	if err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	client.SetCheckRedirect(func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse })
	v := &Vault{client: client, environment: client.Token(), login: make(chan struct{}, 1), mounts: map[string]mount{}}
	client.ClearToken()
	for _, part := range []struct {
		text string
		into *source
	}{{options.Token, &v.token}, {options.RoleID, &v.roleID}, {options.SecretID, &v.secretID}} {
		if part.text == "" {
			continue
		}
		if *part.into, err = parseSource(part.text); err != nil {
			return nil, fmt.Errorf("vault: %w", err)
		}
	}
	if (v.roleID == nil) != (v.secretID == nil) {
		return nil, errors.New("vault: an AppRole login needs both a role id and a secret id")
	}
	if v.roleID == nil && v.token == nil && v.environment == "" {
		return nil, errors.New("vault: no token: set VAULT_TOKEN, or say where one is with --vault-token, or an AppRole with --vault-role-id and --vault-secret-id")
	}
	return v, nil
}

func checkVaultAddress(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil {
		return fmt.Errorf("vault address %.100q is no URL", text)
	}
	address, err := netip.ParseAddr(u.Hostname())
	loopback := u.Hostname() == "localhost" || err == nil && address.IsLoopback()
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback) {
		return fmt.Errorf("vault address %.100q: only https is safe for tokens, but on this machine itself", text)
	}
	return nil
}

// vaultField is one field of a secret, or all of them.
type vaultField struct {
	vault       *Vault
	path, field string
}

// field reads PATH#FIELD; without a field it is the whole object.
func (v *Vault) field(text string) (source, error) {
	path, field, _ := strings.Cut(text, "#")
	path = strings.Trim(path, "/")
	if path == "" || !strings.Contains(path, "/") || strings.Contains(path, "..") {
		return nil, fmt.Errorf("vault path %.100q: write MOUNT/PATH#FIELD, as in secret/billing#password", text)
	}
	return vaultField{v, path, field}, nil
}

// Check reads what it takes to ask, and asks nobody.
func (v *Vault) Check(ctx context.Context) error {
	for _, part := range []struct {
		what string
		from source
	}{{"token", v.token}, {"role id", v.roleID}, {"secret id", v.secretID}} {
		if part.from == nil {
			continue
		}
		if _, err := part.from.read(ctx); err != nil {
			return fmt.Errorf("vault %s: %w", part.what, err)
		}
	}
	return nil
}

func (f vaultField) read(ctx context.Context) (string, error) {
	data, err := f.vault.read(ctx, f.path)
	if err != nil {
		return "", fmt.Errorf("vault path %s: %w", f.path, err)
	}
	text, err := f.of(data)
	if err != nil {
		return "", fmt.Errorf("vault path %s%w", f.path, err)
	}
	return text, nil
}

// of is the field's value; its error goes on from the path.
func (f vaultField) of(data map[string]any) (string, error) {
	value := any(data)
	if f.field != "" {
		value = data[f.field]
	}
	if value == nil {
		return "", fmt.Errorf(" has no field %q; vault kv get %s shows those that it has", f.field, f.path)
	}
	text, isText := value.(string)
	if !isText {
		encoded, err := json.Marshal(value)
		if err != nil {
			return "", errors.New(": its data is no JSON")
		}
		text = string(encoded)
	}
	text, err := checkValue(text)
	if err != nil && f.field != "" {
		return "", fmt.Errorf(", field %q: %w", f.field, err)
	}
	if err != nil {
		return "", fmt.Errorf(": %w", err)
	}
	return text, nil
}

func (v *Vault) read(ctx context.Context, path string) (map[string]any, error) {
	token, err := v.tokenNow(ctx, "")
	if err != nil {
		return nil, err
	}
	client, err := v.as(token)
	if err != nil {
		return nil, err
	}
	data, err := v.get(ctx, client, path)
	if err == nil || v.roleID == nil || !refuses(ctx, client, err) {
		return data, err
	}
	// The token has been revoked before its time, or used up.
	if token, err = v.tokenNow(ctx, token); err != nil {
		return nil, err
	}
	if client, err = v.as(token); err != nil {
		return nil, err
	}
	return v.get(ctx, client, path)
}

// as is a client that shows the token, or none. Each question has its own, so that
// no login takes the token away from another.
func (v *Vault) as(token string) (*api.Client, error) {
	client, err := v.client.CloneWithHeaders()
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	client.SetToken(token)
	return client, nil
}

// refuses says whether it is the token that was refused, and not what it was asked
// for: to log in for that would use up a secret id that is good for a few logins.
func refuses(ctx context.Context, client *api.Client, err error) bool {
	if statusOf(err) != http.StatusForbidden {
		return false
	}
	_, err = client.Auth().Token().LookupSelfWithContext(ctx)
	return statusOf(err) == http.StatusForbidden
}

// tokenNow is the token to ask with, and no longer the one that was refused.
func (v *Vault) tokenNow(ctx context.Context, refused string) (string, error) {
	switch {
	case v.roleID != nil:
		return v.loggedIn(ctx, refused)
	case v.token != nil:
		token, err := v.token.read(ctx) // it may have been rotated
		if err != nil {
			return "", fmt.Errorf("token: %w", err)
		}
		return token, nil
	}
	return v.environment, nil
}

// loggedIn is the token of the last login while it is good, or of a new one. One
// logs in at a time, and who waits takes its token.
func (v *Vault) loggedIn(ctx context.Context, refused string) (string, error) {
	select {
	case v.login <- struct{}{}:
		defer func() { <-v.login }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	if v.current != "" && v.current != refused && (v.expires.IsZero() || time.Now().Before(v.expires)) {
		return v.current, nil
	}
	begun := time.Now()
	auth, err := v.logIn(ctx)
	if err != nil {
		return "", err
	}
	v.current, v.expires = auth.ClientToken, time.Time{}
	if auth.LeaseDuration > 0 {
		v.expires = begun.Add(time.Duration(auth.LeaseDuration) * time.Second * 9 / 10)
	}
	return v.current, nil
}

func (v *Vault) logIn(ctx context.Context) (*api.SecretAuth, error) {
	role, err := v.roleID.read(ctx)
	if err != nil {
		return nil, fmt.Errorf("role id: %w", err)
	}
	id, err := v.secretID.read(ctx)
	if err != nil {
		return nil, fmt.Errorf("secret id: %w", err)
	}
	client, err := v.as("")
	if err != nil {
		return nil, err
	}
	secret, err := client.Logical().WriteWithContext(ctx, "auth/approle/login", map[string]any{"role_id": role, "secret_id": id})
	if err != nil {
		return nil, fmt.Errorf("AppRole login: %w", loginReason(err))
	}
	if secret == nil || secret.Auth == nil || secret.Auth.ClientToken == "" {
		return nil, errors.New("AppRole login: Vault gave no token")
	}
	return secret.Auth, nil
}

func (v *Vault) get(ctx context.Context, client *api.Client, path string) (map[string]any, error) {
	v.mu.Lock()
	m, known := v.mounts[path]
	v.mu.Unlock()
	if known {
		data, err := m.get(ctx, client, strings.TrimPrefix(path, m.path))
		if _, temporary := errors.AsType[*temporaryError](err); err == nil || temporary {
			return data, err
		}
		// It may be another engine by now, or a newer version of it.
	}
	m, err := mountOf(ctx, client, path)
	if err != nil {
		return nil, err
	}
	v.mu.Lock()
	v.mounts[path] = m
	v.mu.Unlock()
	return m.get(ctx, client, strings.TrimPrefix(path, m.path))
}

// get reads a secret of the engine by its path there.
func (m mount) get(ctx context.Context, client *api.Client, inner string) (map[string]any, error) {
	at := strings.TrimSuffix(m.path, "/")
	if m.version == "2" {
		secret, err := client.KVv2(at).Get(ctx, inner)
		if err != nil {
			return nil, readReason(err, m.path+"data/"+inner)
		}
		if secret.Data == nil {
			return nil, errors.New("its newest version is deleted; vault kv undelete brings it back, vault kv put writes a new one")
		}
		return secret.Data, nil
	}
	secret, err := client.KVv1(at).Get(ctx, inner)
	if err == nil && secret.Data == nil { // an engine of version 2 answers with a warning alone
		err = api.ErrSecretNotFound
	}
	if err != nil {
		return nil, readReason(err, m.path+inner)
	}
	return secret.Data, nil
}

// mountOf asks which engine a path belongs to, as the vault command does.
func mountOf(ctx context.Context, client *api.Client, path string) (mount, error) {
	secret, err := client.Logical().ReadWithContext(ctx, "sys/internal/ui/mounts/"+path)
	if err != nil {
		return mount{}, readReason(err, path)
	}
	if secret == nil {
		return mount{}, errors.New("nothing is mounted there")
	}
	m := mount{version: "1"}
	m.path, _ = secret.Data["path"].(string)
	if options, ok := secret.Data["options"].(map[string]any); ok {
		if version, ok := options["version"].(string); ok {
			m.version = version
		}
	}
	if kind, _ := secret.Data["type"].(string); kind != "kv" && kind != "generic" || m.path == "" || !strings.HasPrefix(path, m.path) {
		return mount{}, fmt.Errorf("it is in no KV engine (%.40q); vault secrets list shows which are", kind)
	}
	return m, nil
}
