package activities

import (
	"strings"

	"lazaret.dev/lazaret/activities/audit"
	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/sources"
)

// marks are refusals that alerts count by their first words (B57, B58), with the
// rule that they are recorded under.
var marks = map[string]string{
	DepthExceeded:     "script.depth",
	sources.OnlyHTTPS: "script.source",
}

// marked records a refusal that alerts count, as a finding.
func (r recorder) marked(fault *contract.Fault) error {
	for words, rule := range marks {
		if strings.HasPrefix(fault.Detail, words) {
			return r.write(audit.Finding, func(e *audit.Event) { e.Type, e.Outcome, e.Message = rule, "refused", fault.Detail })
		}
	}
	return nil
}
