package secrets

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/vault/api"
)

// vaultTimeout bounds one question to Vault, with what is tried again.
const vaultTimeout = 30 * time.Second

// VaultOptions say where Vault is and who asks. What is empty comes from the
// environment, in the variables of the vault command: VAULT_ADDR, VAULT_TOKEN,
// VAULT_CACERT, VAULT_NAMESPACE and the rest.
type VaultOptions struct {
	Token    string // a source: env:, file: or credential:
	RoleID   string // a source; with SecretID, for the AppRole login
	SecretID string
}

// Vault reads secrets of a KV engine, version 1 or 2, in HashiCorp's Vault. It is
// safe for concurrent use.
type Vault struct {
	client           *api.Client
	token            source // nil: VAULT_TOKEN, or AppRole
	roleID, secretID source

	mu      sync.Mutex
	expires time.Time // of the token that a login gave
	mounts  map[string]mount
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
	if err := checkVaultAddress(config.Address); err != nil {
		return nil, err
	}
	config.Timeout = vaultTimeout
	config.MaxRetries = 2
	client, err := api.NewClient(config)
	if err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	client.SetCheckRedirect(func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse })
	v := &Vault{client: client, mounts: map[string]mount{}}
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
	if v.roleID == nil && v.token == nil && client.Token() == "" {
		return nil, errors.New("vault: no token: set VAULT_TOKEN, or name a token or an AppRole")
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

func (f vaultField) read(ctx context.Context) (string, error) {
	data, err := f.vault.read(ctx, f.path)
	if err != nil {
		return "", fmt.Errorf("vault path %s: %w", f.path, vaultReason(err))
	}
	if f.field == "" {
		text, err := json.Marshal(data)
		if err != nil {
			return "", fmt.Errorf("vault path %s: its data is no JSON", f.path)
		}
		return checkValue(string(text))
	}
	switch value := data[f.field].(type) {
	case nil:
		return "", fmt.Errorf("vault path %s has no field %q", f.path, f.field)
	case string:
		return checkValue(value)
	default:
		text, _ := json.Marshal(value) // it came as JSON
		return checkValue(string(text))
	}
}

// vaultReason is what Vault said, in one bounded line without the URL.
func vaultReason(err error) error {
	if response, ok := errors.AsType[*api.ResponseError](err); ok {
		return fmt.Errorf("status %d: %.300s", response.StatusCode, strings.Join(response.Errors, "; "))
	}
	return err
}

func (v *Vault) read(ctx context.Context, path string) (map[string]any, error) {
	if err := v.login(ctx, false); err != nil {
		return nil, err
	}
	data, err := v.get(ctx, path)
	var response *api.ResponseError
	if v.roleID == nil || !errors.As(err, &response) || response.StatusCode != http.StatusForbidden {
		return data, err
	}
	// The token may have been revoked before its time.
	if err := v.login(ctx, true); err != nil {
		return nil, err
	}
	return v.get(ctx, path)
}

// login makes sure that there is a token.
func (v *Vault) login(ctx context.Context, anew bool) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.roleID == nil {
		if v.token == nil {
			return nil
		}
		token, err := v.token.read(ctx) // it may have been rotated
		if err == nil {
			v.client.SetToken(token)
		}
		return err
	}
	if !anew && time.Now().Before(v.expires) {
		return nil
	}
	role, err := v.roleID.read(ctx)
	if err != nil {
		return fmt.Errorf("role id: %w", err)
	}
	id, err := v.secretID.read(ctx)
	if err != nil {
		return fmt.Errorf("secret id: %w", err)
	}
	v.client.ClearToken()
	secret, err := v.client.Logical().WriteWithContext(ctx, "auth/approle/login", map[string]any{"role_id": role, "secret_id": id})
	if err != nil {
		return fmt.Errorf("AppRole login: %w", vaultReason(err))
	}
	if secret == nil || secret.Auth == nil || secret.Auth.ClientToken == "" {
		return errors.New("AppRole login: Vault gave no token")
	}
	v.client.SetToken(secret.Auth.ClientToken)
	v.expires = time.Now().Add(time.Duration(secret.Auth.LeaseDuration) * time.Second * 9 / 10)
	return nil
}

func (v *Vault) get(ctx context.Context, path string) (map[string]any, error) {
	m, err := v.mountOf(ctx, path)
	if err != nil {
		return nil, err
	}
	inner := strings.TrimPrefix(path, m.path)
	if m.version == "2" {
		secret, err := v.client.KVv2(strings.TrimSuffix(m.path, "/")).Get(ctx, inner)
		if err != nil {
			return nil, err
		}
		if secret.Data == nil {
			return nil, errors.New("its newest version is deleted")
		}
		return secret.Data, nil
	}
	secret, err := v.client.KVv1(strings.TrimSuffix(m.path, "/")).Get(ctx, inner)
	if err != nil {
		return nil, err
	}
	return secret.Data, nil
}

// mountOf asks which engine a path belongs to, as the vault command does.
func (v *Vault) mountOf(ctx context.Context, path string) (mount, error) {
	v.mu.Lock()
	known, ok := v.mounts[path]
	v.mu.Unlock()
	if ok {
		return known, nil
	}
	secret, err := v.client.Logical().ReadWithContext(ctx, "sys/internal/ui/mounts/"+path)
	if err != nil {
		return mount{}, err
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
		return mount{}, fmt.Errorf("it is in no KV engine (%.40q)", kind)
	}
	v.mu.Lock()
	v.mounts[path] = m
	v.mu.Unlock()
	return m, nil
}
