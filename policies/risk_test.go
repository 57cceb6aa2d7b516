package policies_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
)

// TestRateScore (H): the bounds of the ratings, on both sides of each.
func TestRateScore(t *testing.T) {
	for score, want := range map[int]string{
		100: "Safe", 90: "Safe", 89: "Low", 70: "Low", 69: "Medium", 50: "Medium", 49: "High", 20: "High", 19: "Dangerous", 0: "Dangerous", -1: "Dangerous",
	} {
		assert.Equal(t, want, policies.RateScore(score).String(), "%d", score)
	}
	var nobodyHasRead policies.RiskRating
	assert.Equal(t, policies.RiskDangerous, nobodyHasRead)
	b, err := json.Marshal(policies.RiskMedium)
	require.NoError(t, err)
	assert.Equal(t, `"Medium"`, string(b))
}

// TestRiskPoints: each rule of the checker has its harm, with a reason, and what the
// table does not know costs everything.
func TestRiskPoints(t *testing.T) {
	want := map[string]int{
		"script.syntax": 100, "script.size": 100, "script.complexity": 100, "script.checker": 100, "script.nul": 100, "script.encoding": 100,
		"script.bidi": 40, "script.function": 40, "script.shell": 40, "script.import.dynamic": 40, "script.deserialise": 40, "script.native": 40,
		"script.identifier": 15, "script.dunder": 15, "script.introspection": 15, "script.network": 15, "script.attribute.dynamic": 15,
		"script.format.attribute": 15, "script.namespace": 15, "script.process": 15,
		"script.import": 5, "script.libvirt": 5, "script.import.star": 5, "script.import.relative": 5, "script.file": 5, "script.thread": 5, "script.control": 5,
		"script.grant": 0, "script.package": 0,
	}
	rules, harms := policies.ScriptRules(), policies.RiskRules()
	require.Len(t, harms, len(rules))
	require.Len(t, want, len(rules))
	for i, rule := range rules {
		assert.Equal(t, rule.ID, harms[i].Rule)
		assert.NotEmpty(t, harms[i].Why)
		points, known := want[rule.ID]
		assert.True(t, known, rule.ID)
		assert.Equal(t, points, policies.RiskPoints(rule.ID), rule.ID)
	}
	assert.Equal(t, policies.BestScore, policies.RiskPoints("script.new"))
}
