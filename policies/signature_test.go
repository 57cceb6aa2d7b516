package policies_test

import (
	"crypto/ed25519"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
)

// somePrivate is one of the keys of these tests.
func somePrivate(n byte) ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	seed[0] = n
	return ed25519.NewKeyFromSeed(seed)
}

func someKey(n byte) string {
	return policies.PublicKeyText(somePrivate(n).Public().(ed25519.PublicKey))
}

// TestSignature: a signature is its key's, for one document, and for nothing else.
func TestSignature(t *testing.T) {
	key := somePrivate(1).Public().(ed25519.PublicKey)
	signature := policies.Sign(somePrivate(1), "d", time.Time{})
	require.NoError(t, policies.VerifySignature(key, "d", signature+"\n", time.Now()))
	for name, wrong := range map[string]string{
		"another's": policies.Sign(somePrivate(2), "d", time.Time{}), "of another document": policies.Sign(somePrivate(1), "e", time.Time{}),
		"none": "", "no prefix": strings.TrimPrefix(signature, "lazaret-ed25519-1:"), "cut": signature[:len(signature)-4],
	} {
		require.ErrorIs(t, policies.VerifySignature(key, "d", wrong, time.Now()), policies.ErrSignature, name)
	}
	end := time.Date(2027, 1, 31, 12, 0, 0, 0, time.UTC)
	ends := policies.Sign(somePrivate(1), "d", end)
	require.NoError(t, policies.VerifySignature(key, "d", ends, end.Add(-time.Second)))
	require.ErrorIs(t, policies.VerifySignature(key, "d", ends, end), policies.ErrSignatureExpired)
	require.NotErrorIs(t, policies.VerifySignature(key, "e", ends, end), policies.ErrSignatureExpired)
	for _, moved := range []string{strings.Replace(ends, "2027", "2099", 1), strings.Replace(ends, "-2:20270131T120000Z", "-1", 1), strings.Replace(signature, "-1:", "-2:20990131T120000Z:", 1), strings.Replace(ends, "2027", "27", 1)} {
		err := policies.VerifySignature(key, "d", moved, end.Add(-time.Second))
		require.ErrorIs(t, err, policies.ErrSignature, "the end is signed as well")
		require.NotErrorIs(t, err, policies.ErrSignatureExpired)
	}
	parsed, err := policies.ParsePublicKey(someKey(1))
	require.NoError(t, err)
	require.Equal(t, key, parsed)
}

// TestPolicy_Signer: a rule that requires a signature gives an unsigned or altered
// definition level maximum and nothing else; one that matches a signer fits only
// what that signer has signed.
func TestPolicy_Signer(t *testing.T) {
	p := readPolicy(t, `
policy: 1
signers: {release: "`+someKey(1)+`", other: "`+someKey(2)+`"}
rules:
  - name: required
    match: {namespace: tools}
    require: {signer: [release]}
    level: standard
    secrets: [db]
  - name: matched
    match: {namespace: jobs, signer: release}
    level: strict`)
	sign := func(n byte, of string) string { return policies.Sign(somePrivate(n), of, time.Time{}) }
	for name, test := range map[string]struct {
		namespace, signature string
		level                policies.Level
		because              string
	}{
		"signed":             {"tools", sign(1, "d"), policies.Standard, ""},
		"unsigned":           {"tools", "", policies.Maximum, "has none"},
		"altered":            {"tools", sign(1, "before"), policies.Maximum, "altered"},
		"by another":         {"tools", sign(2, "d"), policies.Maximum, "not theirs"},
		"rubbish":            {"tools", "rubbish", policies.Maximum, "not theirs"},
		"matched":            {"jobs", sign(1, "d"), policies.Strict, ""},
		"matched, unsigned":  {"jobs", "", policies.Maximum, ""},
		"matched, another's": {"jobs", sign(2, "d"), policies.Maximum, ""},
	} {
		e := p.For(policies.Identity{Namespace: test.namespace, Name: "x", Digest: "d", Signature: test.signature})
		require.Equal(t, test.level, e.Level, name)
		require.Contains(t, e.Because, test.because, name)
		require.Equal(t, test.because == "", e.Because == "", name)
		require.Equal(t, test.level == policies.Standard, e.Secrets.Match("db"), name)
	}
}
