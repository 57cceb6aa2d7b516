// Package awskms stands in the place of the package of this name, which Vault
// imports and a server with a Shamir seal never calls.
package awskms

import (
	"context"
	"errors"

	wrapping "github.com/hashicorp/go-kms-wrapping/v2"
)

// What Vault names.
const (
	EnvVaultAwsKmsSealKeyId = "VAULT_AWSKMS_SEAL_KEY_ID"
	EnvAwsKmsWrapperKeyId   = "AWSKMS_WRAPPER_KEY_ID"
)

// Wrapper seals nothing.
type Wrapper struct{ wrapping.Wrapper }

// NewWrapper returns one.
func NewWrapper() *Wrapper { return &Wrapper{} }

// SetConfig refuses.
func (*Wrapper) SetConfig(context.Context, ...wrapping.Option) (*wrapping.WrapperConfig, error) {
	return nil, errors.New("awskms is left out of this build")
}

// WithDisallowEnvVars is an option of no effect.
func WithDisallowEnvVars(bool) wrapping.Option { return func() any { return nil } }

// WithLogger is an option of no effect.
func WithLogger(any) wrapping.Option { return func() any { return nil } }
