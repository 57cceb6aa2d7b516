package policies_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
)

var (
	signers = `signers: {release: "` + someKey(1) + `", other: "` + someKey(2) + `"}` + "\n"
	morning = time.Date(2026, 11, 27, 6, 0, 0, 0, time.UTC)
	noon    = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
)

// Where a caller's identity is required, who has none, one that has expired or
// another than the policy accepts is refused, whatever is asked for (C11).
func TestLibvirt_AuthRequired(t *testing.T) {
	read := func(identities string) policies.Libvirt {
		l, err := policies.ReadLibvirt(strings.NewReader(signers+"libvirt:\n  allowed_operations: [domain.list]\n  auth_required: true\n"+identities), someOperations, noTCP)
		require.NoError(t, err)
		return l
	}
	sign := func(n byte, notAfter time.Time) policies.LibvirtCaller {
		return policies.LibvirtCaller{Digest: "d", Signature: policies.Sign(somePrivate(n), "d", notAfter)}
	}
	altered := sign(1, time.Time{})
	altered.Digest = "e"
	anybody, release := "", "  identities: ['signer:release']\n"
	people := "  identities: ['principal:jwt/*', {who: 'user:ops', not_after: 2026-11-27T12:00:00Z}, {who: 'signer:release', not_after: 2026-11-27T12:00:00Z}]\n"
	for name, test := range map[string]struct {
		identities string
		caller     policies.LibvirtCaller
		at         time.Time
		who, why   string
	}{
		"signed":                    {anybody, sign(2, time.Time{}), noon, "signer:other", ""},
		"by whom it names":          {release, sign(1, time.Time{}), noon, "signer:release", ""},
		"by another":                {release, sign(2, time.Time{}), noon, "", "by nobody whom it accepts"},
		"by a stranger":             {anybody, sign(3, time.Time{}), noon, "", "by nobody whom it accepts"},
		"altered":                   {anybody, altered, noon, "", "was altered"},
		"rubbish":                   {anybody, policies.LibvirtCaller{Digest: "d", Signature: "rubbish"}, noon, "", "by nobody whom it accepts"},
		"unsigned":                  {anybody, policies.LibvirtCaller{Digest: "d"}, noon, "", "is not signed; a signer of the policy signs it with lazaret sign"},
		"before it ends":            {anybody, sign(1, noon), noon.Add(-time.Second), "signer:release", ""},
		"when it ends":              {anybody, sign(1, noon), noon, "", "signature has expired, at 2026-11-27T12:00:00Z; sign it again"},
		"accepted until noon":       {people, sign(1, time.Time{}), morning, "signer:release", ""},
		"accepted no more":          {people, sign(1, time.Time{}), noon, "", "accepted signer:release until 2026-11-27T12:00:00Z, which has expired"},
		"a principal":               {people, policies.LibvirtCaller{Digest: "d", Principal: "jwt/ada"}, noon, "principal:jwt/ada", ""},
		"another sort of principal": {people, policies.LibvirtCaller{Digest: "d", Principal: "lazaret/cli"}, noon, "", "principal:lazaret/cli is not among its identities"},
		"a principal, not asked":    {anybody, policies.LibvirtCaller{Digest: "d", Principal: "jwt/ada"}, noon, "", "is not among its identities"},
		"a user":                    {people, policies.LibvirtCaller{User: "ops"}, morning, "user:ops", ""},
		"a user, no more":           {people, policies.LibvirtCaller{User: "ops"}, noon, "", "which has expired"},
		"another user":              {people, policies.LibvirtCaller{User: "eve"}, morning, "", "user:eve is not among its identities"},
	} {
		l := read(test.identities)
		for _, operation := range someOperations {
			v := l.Judge(policies.LibvirtQuestion{Operation: operation, Definition: "a/b", Caller: "task", Who: test.caller, Now: test.at})
			require.Equal(t, test.who == "", v.Unauthorized, name)
			require.Equal(t, test.who, v.Who, name)
			require.Equal(t, test.who != "" && operation.Name == "domain.list", v.Allowed, name)
			if test.why != "" {
				require.Contains(t, v.Reason, test.why, name)
				require.Contains(t, v.Reason, "auth_required", name)
			}
		}
		require.True(t, l.Grants("a/b", "script", someOperations), "a script may ask, and is told")
		require.Equal(t, test.identities == people, l.ForPrincipals())
	}
}

// What is wrong about identities is said with its place; the schema knows their form.
func TestReadLibvirt_Identities(t *testing.T) {
	schema := compiled(t, policies.LibvirtSchema(someOperations))
	for text, want := range map[string]struct {
		message string
		line    int
		form    bool // the schema sees it too
	}{
		"libvirt: {auth_required: true}":                                                               {"nobody is known", 1, false},
		signers + "libvirt: {auth_required: true, identities: []}":                                     {"nobody is known", 2, false},
		signers + "libvirt: {auth_required: maybe}":                                                    {"cannot unmarshal", 2, true},
		signers + "libvirt: {identities: ['signer:release']}":                                          {"none is required", 2, false},
		signers + "libvirt: {auth_required: true, identities: ['signer:nobody']}":                      {`there is no signer "nobody"`, 2, false},
		signers + "libvirt: {auth_required: true, identities: [release]}":                              {`"release" is no identity`, 2, true},
		signers + "libvirt: {auth_required: true, identities: ['group:ops']}":                          {`"group:ops" is no identity`, 2, true},
		signers + "libvirt: {auth_required: true, identities: ['principal:ada']}":                      {"is no principal", 2, true},
		signers + "libvirt: {auth_required: true, identities: [{not_after: 2027-01-01}]}":              {"an identity has no who", 2, true},
		signers + "libvirt: {auth_required: true, identities: [{who: 'user:a', until: 2027-01-01}]}":   {"until is no setting here", 2, true},
		signers + "libvirt: {auth_required: true, identities: [{who: 'user:a', not_after: tomorrow}]}": {"is neither a day", 2, false},
		"signers: {release: abc}\nlibvirt: {auth_required: true}":                                      {"is no public key", 1, true},
	} {
		_, err := policies.ReadLibvirt(strings.NewReader(text), someOperations, noTCP)
		var wrong *policies.PolicyError
		require.ErrorAs(t, err, &wrong, text)
		require.Contains(t, wrong.Message, want.message, text)
		require.Equal(t, want.line, wrong.Line, text)
		require.Equal(t, want.form, schema.Validate(asJSON(t, []byte(text))) != nil, text)
	}
	require.NoError(t, schema.Validate(asJSON(t, []byte(signers+"libvirt: {auth_required: true, identities: ['principal:jwt/*', {who: 'signer:release', not_after: '2027-01-01'}]}"))))
}

// A rule has it too: it is shown, narrowed, tested and linted as the rest is.
func TestRead_LibvirtIdentities(t *testing.T) {
	text := "policy: 1\n" + signers + `
bases:
  machines:
    libvirt: {allowed_operations: [domain.start], auth_required: true, identities: [{who: 'signer:*', not_after: '2027-01-01'}]}
rules:
  - name: ops
    match: {namespace: ops}
    extends: machines
    libvirt: {allowed_operations: [domain.start], auth_required: true, identities: [{who: 'signer:release', not_after: '2026-12-01'}]}
tests:
  - {name: signed, given: {namespace: ops, name: a, signedBy: release}, expect: {rule: ops}, allow: {libvirt: [domain.start]}}
  - {name: by another, given: {namespace: ops, name: a, signedBy: other}, deny: {libvirt: [domain.start]}}
  - {name: unsigned, given: {namespace: ops, name: a}, deny: {libvirt: [domain.start]}}
`
	require.NoError(t, compileSchema(t).Validate(asJSON(t, []byte(text))))
	p := readPolicy(t, text)
	for _, result := range p.Test() {
		require.True(t, result.Passed, "%+v", result)
	}
	shown := p.For(policies.Identity{Namespace: "ops", Name: "a"}).Show()["libvirt"].(map[string]any)
	require.Equal(t, true, shown["auth_required"])
	require.Equal(t, []any{map[string]any{"who": "signer:release", "not_after": "2026-12-01T00:00:00Z"}}, shown["identities"])
	for _, finding := range p.Lint(nil) {
		require.NotEqual(t, "policy.unused.signer", finding.Rule, "%+v", finding)
	}
	for _, wider := range []string{
		strings.Replace(text, "{who: 'signer:release', not_after: '2026-12-01'}", "'signer:release'", 1),
		strings.Replace(text, "{who: 'signer:release', not_after: '2026-12-01'}", "'user:a'", 1),
		strings.Replace(text, ", auth_required: true, identities: [{who: 'signer:release', not_after: '2026-12-01'}]", "", 1),
	} {
		_, err := policies.Read("p.yaml", []byte(wider), readOptions)
		require.ErrorContains(t, err, "gives libvirt more than")
	}
}

// TestPolicy_SignatureEnds: what a signature has opened is closed when it ends, also
// where it was asked for before.
func TestPolicy_SignatureEnds(t *testing.T) {
	now := morning
	options := readOptions
	options.Now = func() time.Time { return now }
	p, err := policies.Read("p.yaml", []byte("policy: 1\n"+signers+"rules: [{name: r, match: {namespace: ops}, require: {signer: [release]}, level: strict}, {name: m, match: {namespace: jobs, signer: release}, level: strict}]"), options)
	require.NoError(t, err)
	id := policies.Identity{Namespace: "ops", Name: "a", Digest: "d", Signature: policies.Sign(somePrivate(1), "d", noon)}
	jobs := id
	jobs.Namespace = "jobs"
	require.Equal(t, policies.Strict, p.For(id).Level)
	require.Equal(t, policies.Strict, p.For(jobs).Level)
	now = noon
	require.Equal(t, policies.Maximum, p.For(id).Level)
	require.Contains(t, p.For(id).Because, "the definition's signature has expired, at 2026-11-27T12:00:00Z; sign it again")
	require.Equal(t, policies.Maximum, p.For(jobs).Level)
	require.Contains(t, p.Explain(jobs).Because, "signature has expired")
}
