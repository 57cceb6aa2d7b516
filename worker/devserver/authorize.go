//go:build !nodevserver

package devserver

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/server/common/authorization"

	"lazaret.dev/lazaret/worker/install"
)

// principalType is the type of the principals on history events; the name is
// that of an [install.Principal].
const principalType = "lazaret"

// server is this package itself, when it sets up the namespace. Its token is
// made anew at each start and never leaves the process.
const server install.Principal = "server"

// gatekeeper knows the tokens. It maps a caller's token to a principal and
// refuses callers without one. It is immutable.
type gatekeeper struct {
	credentials []credential
	refusal     string
}

// credential is the authorization header of one principal.
type credential struct {
	principal install.Principal
	header    []byte
}

var (
	_ authorization.ClaimMapper = (*gatekeeper)(nil)
	_ authorization.Authorizer  = (*gatekeeper)(nil)
)

// newGatekeeper returns a gatekeeper for the tokens of i and one for [server].
func newGatekeeper(i *install.Install) *gatekeeper {
	g := &gatekeeper{refusal: fmt.Sprintf(
		"this Temporal belongs to lazaret and asks for a token; use TEMPORAL_CONFIG_FILE=%s", i.ProfilePath())}
	for _, p := range []install.Principal{install.Worker, install.CLI, install.UI} {
		g.admit(p, i.Token(p))
	}
	g.admit(server, rand.Text())
	return g
}

func (g *gatekeeper) admit(p install.Principal, token string) {
	g.credentials = append(g.credentials, credential{p, []byte("Bearer " + token)})
}

// authorizationOf returns the authorization header of p.
func (g *gatekeeper) authorizationOf(p install.Principal) string {
	for _, c := range g.credentials {
		if c.principal == p {
			return string(c.header)
		}
	}
	return ""
}

// identify returns the principal behind an authorization header, or "". It
// compares with every token in constant time.
func (g *gatekeeper) identify(header string) install.Principal {
	var found install.Principal
	for _, c := range g.credentials {
		if subtle.ConstantTimeCompare(c.header, []byte(header)) == 1 {
			found = c.principal
		}
	}
	return found
}

// GetClaims implements authorization.ClaimMapper. An unknown token has no
// claims; that is for Authorize to refuse.
func (g *gatekeeper) GetClaims(info *authorization.AuthInfo) (*authorization.Claims, error) {
	p := g.identify(info.AuthToken)
	if p == "" {
		return nil, nil
	}
	return &authorization.Claims{
		System:   authorization.RoleAdmin,
		AuthType: principalType,
		Subject:  string(p),
	}, nil
}

// open are the calls that tell nothing and change nothing: clients make them
// before they can know whether they are welcome.
var open = map[string]bool{
	"/grpc.health.v1.Health/Check":                                   true,
	"/temporal.api.workflowservice.v1.WorkflowService/GetSystemInfo": true,
}

// adminService holds the server's internals, replication and raw database writes
// among them. No principal of ours needs it.
const adminService = "/temporal.server.api.adminservice."

// Authorize implements authorization.Authorizer.
func (g *gatekeeper) Authorize(
	_ context.Context, claims *authorization.Claims, call *authorization.CallTarget,
) (authorization.Result, error) {
	switch {
	case claims == nil && open[call.APIName]:
		return allow(nil), nil
	case claims == nil:
		return authorization.Result{}, serviceerror.NewPermissionDenied(g.refusal, "")
	case claims.AuthType == authorization.InternalPrincipalType:
		// Only the internal frontend makes such claims, behind mutual TLS.
		return allow(claims), nil
	case strings.HasPrefix(call.APIName, adminService):
		return authorization.Result{}, serviceerror.NewPermissionDenied("the admin service is closed here", "")
	}
	return allow(claims), nil
}

// allow returns the permission for the subject of claims.
func allow(claims *authorization.Claims) authorization.Result {
	result := authorization.Result{Decision: authorization.DecisionAllow}
	if claims != nil {
		result.Principal = &commonpb.Principal{Type: claims.AuthType, Name: claims.Subject}
	}
	return result
}
