package worker

import (
	"context"
	"crypto/x509"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"lazaret.dev/lazaret/activities"
	"lazaret.dev/lazaret/activities/calls"
	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/secrets"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox/egress"
)

// outsideFlags are where calls may go and what secrets definitions may read.
type outsideFlags struct {
	hosts, overrides []string
	plaintext        []string
	ca               string
	secrets          []string
	vault            secrets.VaultOptions
}

// callSupplies are what the flags ask for.
type callSupplies struct {
	options calls.Options
	secrets *secrets.Store
}

// addCallFlags adds them to a command that runs a worker.
func (a *app) addCallFlags(cmd *cobra.Command) {
	f := &a.calls
	cmd.Flags().StringArrayVar(&f.hosts, "call-host", nil, "a host that calls may reach, as host, host:port, *.host or an address range; repeat for more (levels below maximum)")
	cmd.Flags().StringArrayVar(&f.overrides, "host-override", nil, "where calls to a host, and fetches from it, really go, as host:port=address:port; repeat for more")
	cmd.Flags().StringArrayVar(&f.plaintext, "call-plaintext", nil, "a gRPC service that has no TLS, as host:port; repeat for more (calls must be able to reach it, too)")
	cmd.Flags().StringVar(&f.ca, "call-ca", "", "certificate authorities that calls and fetches trust besides the system's, a PEM file")
	cmd.Flags().StringArrayVar(&f.secrets, "secret", nil, "a secret that definitions may read, as NAME=SOURCE, where SOURCE is "+secrets.SourceForms+"; repeat for more")
	cmd.Flags().StringVar(&f.vault.Token, "vault-token", "", "where the token for Vault is: env:, file: or credential: (default VAULT_TOKEN)")
	cmd.Flags().StringVar(&f.vault.RoleID, "vault-role-id", "", "where the role id of Vault's AppRole login is: env:, file: or credential:")
	cmd.Flags().StringVar(&f.vault.SecretID, "vault-secret-id", "", "where the secret id of Vault's AppRole login is: env:, file: or credential:")
}

// callSupplies checks the flags and reads what they name.
func (a *app) callSupplies(ctx context.Context) (callSupplies, error) {
	var s callSupplies
	var err error
	if s.options.Overrides, err = hostOverrides(a.calls.overrides); err != nil {
		return s, err
	}
	if s.options.Plaintext, err = plaintextServices(a.calls.plaintext); err != nil {
		return s, err
	}
	if s.options.Roots, err = callRoots(a.calls.ca); err != nil {
		return s, err
	}
	s.secrets, err = a.secretStore(ctx)
	return s, err
}

// hostOverrides reads host:port=address:port; a host without a port is HTTPS's.
func hostOverrides(texts []string) (map[string]string, error) {
	all := map[string]string{}
	for _, text := range texts {
		from, to, _ := strings.Cut(text, "=")
		host, port, err := net.SplitHostPort(from)
		if err != nil {
			host, port = from, "443"
		}
		rule, err := egress.ParseRule(net.JoinHostPort(host, port))
		_, badTarget := netip.ParseAddrPort(to)
		if err != nil || rule.IsWildcard() || rule.Addresses() > 1 || badTarget != nil {
			return nil, invalid("write host:port=address:port, as in api.example.com:443=127.0.0.1:8443", "--host-override %.100q", text)
		}
		all[rule.String()] = to
	}
	return all, nil
}

// plaintextServices reads services without TLS. Each names its port, lest what
// stands beside it is spoken to in the clear.
func plaintextServices(texts []string) ([]egress.Rule, error) {
	rules, err := networkRules("call-plaintext", texts)
	if err != nil {
		return nil, err
	}
	for i, rule := range rules {
		if len(rule.Ports()) != 1 {
			return nil, invalid("write host:port, as in greeter.internal:5011", "--call-plaintext %.100q names no port", texts[i])
		}
	}
	return rules, nil
}

// callRoots are the system's authorities and those of a file; nil without a file.
func callRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, invalid("", "--call-ca %s: %w", file, unwrapPath(err))
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(text) {
		return nil, invalid("name a PEM file with certificates", "--call-ca %s: no certificate in it", file)
	}
	return roots, nil
}

func (a *app) secretStore(ctx context.Context) (*secrets.Store, error) {
	store := &secrets.Store{}
	if os.Getenv("VAULT_ADDR") != "" || a.calls.vault != (secrets.VaultOptions{}) {
		vault, err := secrets.NewVault(a.calls.vault)
		switch {
		case err == nil:
			store.UseVault(vault)
			if err := vault.Check(ctx); err != nil {
				return nil, invalid("", "%w", err)
			}
		case a.calls.vault == (secrets.VaultOptions{}):
			store.WithoutVault(err) // the variables may be there for another program
		default:
			return nil, invalid("VAULT_ADDR, VAULT_TOKEN and VAULT_CACERT are those of the vault command", "%w", err)
		}
	}
	for _, text := range a.calls.secrets {
		if err := store.Add(text); err != nil {
			return nil, invalid("", "--secret: %w", err)
		}
	}
	if err := store.Check(ctx); err != nil {
		return nil, invalid("", "--secret: %w", err)
	}
	return store, nil
}

// newCalls are the activities of call tasks.
func newCalls(options serviceOptions, log zerolog.Logger) *activities.Calls {
	return &activities.Calls{
		Policies: options.policy, GrantKey: options.grantKey, Grace: options.grace,
		Options: options.calls.options, Secrets: options.calls.secrets,
		Observe: func(request contract.Call, level policies.Level, report activities.CallReport) {
			logCall(log, request, level, report)
		},
	}
}

// logCall writes a line for the call, and one for what it tried beyond its level (A27).
func logCall(log zerolog.Logger, request contract.Call, level policies.Level, report activities.CallReport) {
	log = log.With().
		Str("definition", request.Task.Namespace+"/"+request.Task.Name).
		Str("task", request.Task.Reference).
		Str("execution", request.Task.Execution).
		Logger()
	if v := report.Violation; v != nil {
		violation(log.Warn(), *v).Msg("violation")
	}
	log.Info().
		Stringer("sandbox_level", level).
		Str("kind", report.Kind).
		Str("method", report.Method).
		Str("host", report.Host).
		Int("status", report.Status).
		Bool("failed", report.Failed).
		Dur("duration", report.Duration).
		Msg("call ended")
}
