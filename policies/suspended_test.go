package policies_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
)

// TestPolicy_Suspended: the signature of a suspended signer counts no more, for rules
// as for libvirt, and a principal is known by a pattern (B60).
func TestPolicy_Suspended(t *testing.T) {
	rest := `
signers: {release: "` + someKey(1) + `"}
rules:
  - {name: signed, match: {namespace: tools, signer: release}, level: strict}
  - name: required
    match: {namespace: tools}
    level: strict
    require: {signer: [release]}
    libvirt: {auth_required: true, identities: [signer:release], uris: ["test:///default"], allowed_operations: [domain.list]}
`
	id := policies.Identity{Namespace: "tools", Name: "x", Digest: "d", Signature: policies.Sign(somePrivate(1), "d", time.Time{})}
	trusting := readPolicy(t, "policy: 1"+rest)
	require.Equal(t, "signed", trusting.For(id).Rule)
	require.False(t, trusting.SuspendsPrincipals())

	p := readPolicy(t, "policy: 1\nsuspended: [signer:rel*, 'principal:jwt/*@example.com']"+rest)
	e := p.For(id)
	require.Equal(t, policies.Maximum, e.Level)
	require.Empty(t, e.Rule)
	require.Contains(t, e.Because, `signature counts no more: signer:release is suspended by the policy at policy.yaml:2:13`)
	require.ErrorIs(t, p.Explain(id).Expired, policies.ErrSuspended)
	require.Empty(t, p.Explain(id).SignedBy)
	require.True(t, p.SuspendsPrincipals())
	require.ErrorIs(t, p.Suspended(policies.ByPrincipal, "jwt/ada@example.com"), policies.ErrSuspended)
	require.NoError(t, p.Suspended(policies.ByPrincipal, "jwt/ada@example.org"))
	require.NoError(t, p.Suspended(policies.ByPrincipal, ""), "an execution of which Temporal knows no starter")
	require.NoError(t, p.Suspended(policies.BySigner, "other"))
}
