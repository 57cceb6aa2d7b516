package checker

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"lazaret.dev/lazaret/policies"
)

// Risk is what scripts rate together, and what of them costs how much.
type Risk struct {
	Rating policies.RiskRating `json:"rating"`
	Score  int                 `json:"score"` // 100 less the costs, at least 0
	Costs  []Cost              `json:"costs"` // the greatest first
}

// Cost is what one thing that scripts mention takes from their score.
type Cost struct {
	Rule    string `json:"rule"`
	Subject string `json:"subject"` // a builtin, a module with all in it; or empty
	Points  int    `json:"points"`
}

// Rate rates scripts together, whatever their level and grants. A thing counts once, however
// often it is mentioned, and a module with what is in it: a finding more never raises
// the score.
func Rate(facts ...Facts) Risk {
	r := Risk{Score: policies.BestScore, Costs: []Cost{}}
	for _, script := range facts {
		for _, f := range script.Findings {
			c := Cost{Rule: f.Rule, Points: policies.RiskPoints(f.Rule)}
			if c.Points < policies.BestScore {
				c.Subject, _, _ = strings.Cut(f.Subject, ".")
			}
			if c.Points > 0 && !slices.Contains(r.Costs, c) {
				r.Costs = append(r.Costs, c)
				r.Score = max(0, r.Score-c.Points)
			}
		}
	}
	slices.SortFunc(r.Costs, func(a, b Cost) int {
		return cmp.Or(b.Points-a.Points, cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Subject, b.Subject))
	})
	r.Rating = policies.RateScore(r.Score)
	return r
}

// maxCosts bounds what of the costs a line names.
const maxCosts = 5

// String is the rating as one line: "risk Medium, score 60 of 100: script.function (eval) costs 40".
func (r Risk) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "risk %s, score %d of %d", r.Rating, r.Score, policies.BestScore)
	for i, c := range r.Costs[:min(len(r.Costs), maxCosts)] {
		subject := ""
		if c.Subject != "" {
			subject = fmt.Sprintf(" (%.40s)", c.Subject)
		}
		if i == 0 {
			fmt.Fprintf(&text, ": %s%s costs %d", c.Rule, subject, c.Points)
		} else {
			fmt.Fprintf(&text, ", %s%s %d", c.Rule, subject, c.Points)
		}
	}
	if more := len(r.Costs) - maxCosts; more > 0 {
		fmt.Fprintf(&text, " and %d more", more)
	}
	return text.String()
}
