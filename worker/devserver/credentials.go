//go:build !nodevserver

package devserver

import "context"

// headerCredentials is an authorization header as gRPC call credentials.
type headerCredentials string

// GetRequestMetadata returns the header.
func (c headerCredentials) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": string(c)}, nil
}

// RequireTransportSecurity returns false: the calls stay on the loopback device.
func (headerCredentials) RequireTransportSecurity() bool { return false }
