package policies

import (
	"fmt"
	"slices"

	"lazaret.dev/lazaret/sandbox"
)

// RiskRating says in a word what a script's text lets a reader expect. It is advice: no
// level follows from it, and the kernel knows nothing of it.
type RiskRating int

// The ratings. The zero RiskRating is the worst: what nobody has read.
const (
	RiskDangerous RiskRating = iota
	RiskHigh
	RiskMedium
	RiskLow
	RiskSafe
)

// riskBounds are the ratings with the least score of each, the best first.
var riskBounds = []struct {
	rating RiskRating
	name   string
	least  int
}{
	{RiskSafe, "Safe", 90},
	{RiskLow, "Low", 70},
	{RiskMedium, "Medium", 50},
	{RiskHigh, "High", 20},
	{RiskDangerous, "Dangerous", 0},
}

// BestScore is that of a script in which nothing was found.
const BestScore = 100

// RateScore is the rating of a score, which is 0 to BestScore.
func RateScore(score int) RiskRating {
	for _, b := range riskBounds {
		if score >= b.least {
			return b.rating
		}
	}
	return RiskDangerous
}

func (r RiskRating) String() string {
	for _, b := range riskBounds {
		if b.rating == r {
			return b.name
		}
	}
	return fmt.Sprintf("RiskRating(%d)", int(r))
}

// MarshalText is the rating's name.
func (r RiskRating) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// riskPoints are what a finding of a severity takes from the score, and why so many.
var riskPoints = []struct {
	severity sandbox.Severity
	points   int
	why      string
}{
	{sandbox.Critical, BestScore, "nothing is known of a script that was not read"},
	{sandbox.High, 40, "one leaves Medium, two High, three are Dangerous: each alone can do anything that the level lets be done"},
	{sandbox.Medium, 15, "one leaves Low, four are High: a way around what the text says, or out of the script"},
	{sandbox.Low, 5, "two are still Safe: ordinary work, of which a reader should know"},
	{0, 0, "it says nothing about harm"},
}

// RiskRule is the harm that a rule of the checker stands for.
type RiskRule struct {
	Rule     string
	Severity sandbox.Severity // 0: none
	Why      string
}

// riskRules has each rule of the checker, in their order.
var riskRules = []RiskRule{
	{"script.syntax", sandbox.Critical, "it cannot be read"},
	{"script.size", sandbox.Critical, "it was not read"},
	{"script.complexity", sandbox.Critical, "it was not read to its end"},
	{"script.checker", sandbox.Critical, "it was not read to its end"},
	{"script.nul", sandbox.Critical, "Python and the checker may read two different texts"},
	{"script.encoding", sandbox.Critical, "Python and the checker may read two different texts"},
	{"script.grant", 0, "about the operator's list, not the script"},
	{"script.bidi", sandbox.High, "made to deceive who reads it"},
	{"script.identifier", sandbox.Medium, "may deceive who reads it, or be another language's letters"},
	{"script.function", sandbox.High, "what runs is not in the text"},
	{"script.shell", sandbox.High, "what runs is another program"},
	{"script.dunder", sandbox.Medium, "the usual way to objects that nobody handed over"},
	{"script.import", sandbox.Low, "a module that nobody has looked at for this"},
	{"script.package", 0, "about a declaration that is missing; script.import counts the module"},
	{"script.libvirt", sandbox.Low, "changes machines, as far as the policy lets it"},
	{"script.import.star", sandbox.Low, "hides which names come from where"},
	{"script.import.relative", sandbox.Low, "does not work, and may have been meant for another place"},
	{"script.import.dynamic", sandbox.High, "what is loaded is not in the text"},
	{"script.deserialise", sandbox.High, "whoever writes the data writes code"},
	{"script.introspection", sandbox.Medium, "a way to objects that nobody handed over"},
	{"script.native", sandbox.High, "native code, which the checker cannot read"},
	{"script.network", sandbox.Medium, "data may leave, as far as the policy lists hosts"},
	{"script.attribute.dynamic", sandbox.Medium, "which attribute it is is not in the text"},
	{"script.format.attribute", sandbox.Medium, "which attribute it is may come from data"},
	{"script.namespace", sandbox.Medium, "which name it is may come from data"},
	{"script.file", sandbox.Low, "ordinary, and the mounts decide"},
	{"script.process", sandbox.Medium, "outlives what the text shows of its flow"},
	{"script.thread", sandbox.Low, "ordinary, where the level has threads"},
	{"script.control", sandbox.Low, "of its own process alone"},
}

// RiskRules lists what each rule of the checker counts for.
func RiskRules() []RiskRule { return slices.Clone(riskRules) }

// Points are what a finding of the rule takes from the score.
func (r RiskRule) Points() int {
	for _, p := range riskPoints {
		if p.severity == r.Severity {
			return p.points
		}
	}
	return BestScore
}

// RiskPoints are what a finding of a rule takes from the score; all of it, where no
// table knows the rule.
func RiskPoints(rule string) int {
	i := slices.IndexFunc(riskRules, func(r RiskRule) bool { return r.Rule == rule })
	if i < 0 {
		return BestScore
	}
	return riskRules[i].Points()
}
