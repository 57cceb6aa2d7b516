package worker

import (
	"testing"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
)

const sayLevel = `
document: {dsl: 1.0.3, namespace: test, name: say-level, version: 1.0.0}
do:
  - say: {run: {shell: {command: "true"}, return: code}}
`

// TestLevels asks, through the SDK, for levels that the shared worker, which
// is at level standard, does not give by itself.
func TestLevels(t *testing.T) {
	s := temporalSession(t)
	key := s.install.SigningKey()
	const (
		id     = "granted"
		weaker = "level minimal is weaker than the policy's standard, and nothing entitles to it; the operator may grant it in the policy (--policy, or --level of the worker)"
	)
	digest := document(t, sayLevel, "null").start.Definition.Digest
	sign := func(execution string, level policies.Level, digests ...string) contract.Sandbox {
		grant := policies.LevelGrant{Execution: execution, Level: level, Digests: digests}
		return contract.Sandbox{Level: policies.Minimal.String(), Digests: digests, Grant: grant.Sign(key)}
	}
	for name, test := range map[string]struct {
		sandbox contract.Sandbox
		detail  string
	}{
		"signed":               {sign(id, policies.Minimal, digest), ""},
		"unsigned":             {contract.Sandbox{Level: "minimal"}, weaker},
		"of another execution": {sign("other", policies.Minimal, digest), weaker},
		"of another level":     {sign(id, policies.Strict, digest), weaker},
		"of another document":  {sign(id, policies.Minimal, "0123"), weaker},
		"document added": {func() contract.Sandbox {
			s := sign(id, policies.Minimal, "0123")
			s.Digests = append(s.Digests, digest)
			return s
		}(), weaker},
		"no level": {contract.Sandbox{Level: "root"}, `level "root": want maximum, strict, standard, minimal`},
	} {
		t.Run(name, func(t *testing.T) {
			p := document(t, sayLevel, "null")
			p.start.Sandbox = test.sandbox
			run, err := s.begin(t.Context(), p, id)
			require.NoError(t, err)
			_, err = follow(t.Context(), s.Client, run, nil)
			if test.detail == "" {
				require.NoError(t, err)
				return
			}
			var fault *contract.Fault
			require.ErrorAs(t, err, &fault)
			require.Equal(t, contract.Refused, fault.Type)
			require.Equal(t, test.detail, fault.Detail)
			require.Equal(t, exitRefused, faultCode(fault))
		})
	}
}

func TestLevels_StricterIsGranted(t *testing.T) {
	s := temporalSession(t)
	p := document(t, `
document: {dsl: 1.0.3, namespace: test, name: forks, version: 1.0.0}
do:
  - fork: {run: {shell: {command: "(true); echo forked"}}}
`, "null")
	p.start.Sandbox = contract.Sandbox{Level: policies.Maximum.String()}
	run, err := s.begin(t.Context(), p, "stricter")
	require.NoError(t, err)
	_, err = follow(t.Context(), s.Client, run, nil)
	var fault *contract.Fault
	require.ErrorAs(t, err, &fault)
	require.Equal(t, contract.AuthorizationError, fault.Type)
	require.Contains(t, fault.Detail, "level maximum")
}
