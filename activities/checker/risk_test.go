package checker

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
)

// TestRate_EachRule: one finding of a rule costs what the table says, and not more when
// it is mentioned again, in this script or another.
func TestRate_EachRule(t *testing.T) {
	for _, rule := range policies.ScriptRules() {
		facts := Facts{Findings: []Finding{{Rule: rule.ID, Subject: "a.b", Line: 1}, {Rule: rule.ID, Subject: "a.c", Line: 2}, {Rule: rule.ID, Subject: "a", Line: 3}}}
		points := policies.RiskPoints(rule.ID)
		for _, risk := range []Risk{Rate(Facts{Findings: facts.Findings[:1]}), Rate(facts), Rate(facts, facts)} {
			assert.Equal(t, policies.BestScore-points, risk.Score, rule.ID)
			assert.Equal(t, policies.RateScore(risk.Score), risk.Rating)
		}
	}
	assert.Equal(t, policies.RiskDangerous, Rate(Facts{Findings: []Finding{{Rule: "script.new"}}}).Rating, "a rule that no table knows")
}

// TestRate_Monotone: no finding more raises the score, whatever was found before.
func TestRate_Monotone(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 8))
	rules := policies.ScriptRules()
	for range 2000 {
		var facts Facts
		score := policies.BestScore
		for range 12 {
			subject := []string{"os", "os.system", "eval", "a.b.c", ""}[random.IntN(5)]
			facts.Findings = append(facts.Findings, Finding{Rule: rules[random.IntN(len(rules))].ID, Subject: subject})
			next := Rate(facts)
			require.LessOrEqual(t, next.Score, score, "%+v", facts.Findings)
			require.GreaterOrEqual(t, next.Score, 0)
			score = next.Score
		}
	}
}

// TestRate_Scripts: what real scripts rate, as the checker reads them.
func TestRate_Scripts(t *testing.T) {
	c := newChecker(t)
	for source, want := range map[string]string{
		"print(sum(range(10)))": "risk Safe, score 100 of 100",
		"print(eval('1'))":      "risk Medium, score 60 of 100: script.function (eval) costs 40",
		"import subprocess\nsubprocess.run(['ls'])\nsubprocess.Popen(['ls'])": "risk Medium, score 60 of 100: script.shell (subprocess) costs 40",
		"if x\n  pass": "risk Dangerous, score 0 of 100: script.syntax costs 100",
		"eval('1'); exec('2'); compile('3', '', 'exec')": "risk Dangerous, score 0 of 100: script.function (compile) costs 40, script.function (eval) 40, script.function (exec) 40",
	} {
		facts, err := c.Facts(t.Context(), []Script{{Source: source}})
		require.NoError(t, err)
		assert.Equal(t, want, Rate(facts...).String(), "%q", source)
	}
}

func TestRisk_StringIsBounded(t *testing.T) {
	var facts Facts
	for i := range 30 {
		facts.Findings = append(facts.Findings, Finding{Rule: "script.file", Subject: fmt.Sprintf("m%02d.%0200d", i, i)})
	}
	assert.Equal(t, "risk Dangerous, score 0 of 100: script.file (m00) costs 5, script.file (m01) 5, script.file (m02) 5, script.file (m03) 5, script.file (m04) 5 and 25 more", Rate(facts).String())
}
