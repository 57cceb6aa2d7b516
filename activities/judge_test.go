package activities

import (
	"testing"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
)

// atLevel is a policy with the level for every definition, and the changes.
func atLevel(level policies.Level, changes ...func(*policies.Effective)) PolicyProvider {
	return FixedPolicy{policies.Single("test", level, func(e *policies.Effective) {
		for _, change := range changes {
			change(e)
		}
	})}
}

func TestJudge(t *testing.T) {
	key := []byte("the install's key")
	task := contract.TaskID{Execution: "nightly-1", Digest: "d1"}
	sign := func(key []byte, execution string, level policies.Level, digests ...string) contract.Sandbox {
		grant := policies.LevelGrant{Execution: execution, Level: level, Digests: digests}
		return contract.Sandbox{Level: "standard", Digests: digests, Grant: grant.Sign(key)}
	}
	weaker := "level standard is weaker than the policy's strict, and nothing entitles to it; the operator may grant it in the policy (--policy, or --level of the worker)"
	for name, test := range map[string]struct {
		asked   contract.Sandbox
		want    policies.Level
		refusal string
	}{
		"nothing asked":             {contract.Sandbox{}, policies.Strict, ""},
		"the worker's own":          {contract.Sandbox{Level: "strict"}, policies.Strict, ""},
		"stricter":                  {contract.Sandbox{Level: "maximum"}, policies.Maximum, ""},
		"weaker, signed":            {sign(key, "nightly-1", policies.Standard, "d1"), policies.Standard, ""},
		"signed for several":        {sign(key, "nightly-1", policies.Standard, "d0", "d1"), policies.Standard, ""},
		"weaker, unsigned":          {contract.Sandbox{Level: "standard"}, 0, weaker},
		"another key":               {sign([]byte("stolen"), "nightly-1", policies.Standard, "d1"), 0, weaker},
		"another execution":         {sign(key, "nightly-2", policies.Standard, "d1"), 0, weaker},
		"another level":             {sign(key, "nightly-1", policies.Minimal, "d1"), 0, weaker},
		"another definition":        {sign(key, "nightly-1", policies.Standard, "d2"), 0, weaker},
		"no such level":             {contract.Sandbox{Level: "root"}, 0, `level "root": want maximum, strict, standard, minimal`},
		"metadata, stricter":        {contract.Sandbox{Metadata: "maximum"}, policies.Maximum, ""},
		"metadata, weaker (A24)":    {contract.Sandbox{Metadata: "minimal"}, 0, "level minimal is weaker than the policy's strict, and the definition's metadata asks for it, which entitles to nothing; the operator may grant it in the policy (--policy, or --level of the worker)"},
		"metadata, no level":        {contract.Sandbox{Metadata: "root"}, 0, `metadata sandbox.level: level "root": want maximum, strict, standard, minimal`},
		"a level in capitals":       {contract.Sandbox{Level: "Maximum"}, 0, `level "Maximum": want maximum, strict, standard, minimal`},
		"a signature and no digest": {contract.Sandbox{Level: "standard", Grant: sign(key, "nightly-1", policies.Standard).Grant}, 0, weaker},
	} {
		t.Run(name, func(t *testing.T) {
			p := &Processes{Policies: atLevel(policies.Strict), GrantKey: key}
			policy, err := p.judge(contract.Process{Task: task, Sandbox: test.asked})
			if test.refusal != "" {
				requireFault(t, err, contract.Refused, test.refusal)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, policy.Level)
		})
	}

	// A worker without the key grants nothing: not even what an empty key signs.
	p := &Processes{Policies: atLevel(policies.Strict)}
	_, err := p.judge(contract.Process{Task: task, Sandbox: sign(nil, "nightly-1", policies.Standard, "d1")})
	requireFault(t, err, contract.Refused, weaker)
}
