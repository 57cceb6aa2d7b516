package secrets

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/hashicorp/vault/api"
)

// temporaryError is one that another time may be without.
type temporaryError struct{ error }

// Unwrap returns the cause.
func (e *temporaryError) Unwrap() error { return e.error }

// answeredError is what Vault answered.
type answeredError struct {
	status int
	said   string
}

func (e *answeredError) Error() string { return fmt.Sprintf("status %d: %s", e.status, e.said) }

// readReason is why a path could not be read, and what to do about it.
func readReason(err error, path string) error {
	hint := "; vault kv put writes one"
	before, after, twice := strings.Cut(path, "/data/data/")
	if twice {
		hint = fmt.Sprintf("; write %s/%s if data/ comes from a path of the HTTP API", before, after)
	}
	switch {
	case errors.Is(err, api.ErrSecretNotFound):
		return fmt.Errorf("there is no secret at %s%s", path, hint)
	case statusOf(err) == http.StatusForbidden && twice:
		return fmt.Errorf("%w%s", vaultReason(err), hint)
	case statusOf(err) == http.StatusForbidden:
		return fmt.Errorf("%w; the token has to be valid, and a policy of it has to grant read on %s", vaultReason(err), path)
	}
	return vaultReason(err)
}

// loginReason is why nobody could log in.
func loginReason(err error) error {
	switch statusOf(err) {
	case http.StatusBadRequest, http.StatusForbidden:
		return fmt.Errorf("%w; what --vault-role-id and --vault-secret-id name has to be of an AppRole, and not used up or expired", vaultReason(err))
	}
	return vaultReason(err)
}

// vaultReason is what Vault answered, or why nothing, in one bounded line without
// the URL.
func vaultReason(err error) error {
	if response, ok := errors.AsType[*api.ResponseError](err); ok {
		return answerReason(response)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &temporaryError{errors.New("Vault did not answer in time; vault status at VAULT_ADDR says how it is")}
	}
	asked, ok := errors.AsType[*url.Error](err)
	if !ok {
		return err
	}
	if wrong := certificateReason(asked.Err); wrong != nil {
		return wrong
	}
	return &temporaryError{fmt.Errorf("Vault was not reached: %w; it has to run at VAULT_ADDR, http:// or https:// as that says", asked.Err)}
}

func answerReason(response *api.ResponseError) error {
	said := &answeredError{response.StatusCode, fmt.Sprintf("%.300s", strings.Join(saidBy(response), ", "))}
	switch {
	case response.StatusCode == http.StatusServiceUnavailable:
		return &temporaryError{fmt.Errorf("%w; vault status says whether it is sealed, vault operator unseal opens it", said)}
	case response.StatusCode == http.StatusTooManyRequests || response.StatusCode >= http.StatusInternalServerError:
		return &temporaryError{said}
	}
	return said
}

// certificateReason is what is wrong with who answered, or nil.
func certificateReason(err error) error {
	if _, other := errors.AsType[x509.HostnameError](err); other {
		return fmt.Errorf("%w; VAULT_ADDR has to name Vault as its certificate does, or VAULT_TLS_SERVER_NAME", err)
	}
	if _, distrusted := errors.AsType[*tls.CertificateVerificationError](err); distrusted {
		return fmt.Errorf("%w; VAULT_CACERT has to name the certificate authority of this Vault, a PEM file", err)
	}
	return nil
}

// statusOf is the status of Vault's answer, or 0.
func statusOf(err error) int {
	if response, ok := errors.AsType[*api.ResponseError](err); ok {
		return response.StatusCode
	}
	if answered, ok := errors.AsType[*answeredError](err); ok {
		return answered.status
	}
	return 0
}

// errorsOccurred is the heading of a list of errors.
var errorsOccurred = regexp.MustCompile(`^\d+ errors? occurred:$`)

// saidBy are the errors in an answer, each of which may be a list.
func saidBy(response *api.ResponseError) []string {
	var all []string
	for _, text := range response.Errors {
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "* "))
			if line != "" && !errorsOccurred.MatchString(line) {
				all = append(all, line)
			}
		}
	}
	return all
}
