package notify

import (
	"slices"
	"strings"
	"time"
)

// Threshold lets a rule fire from a number of occurrences within a time on; then
// counting begins anew.
type Threshold struct {
	Rule   string // that the message gets
	Prefix string // of the texts that are counted
	Count  int
	Within time.Duration
	// Severity that the message gets.
	Severity string
}

// Findings are the thresholds of what the checker says (B54, B56–B58). The texts
// are the first words of its lines in log and audit log.
var Findings = []Threshold{
	{"dangerous-function", "Dangerous function detected", 10, time.Hour, "High"},
	{"dangerous-shell", "Dangerous shell command detected", 10, time.Hour, "High"},
	{"dangerous-dunder", "Dangerous dunder attribute detected", 10, time.Hour, "High"},
	{"nesting-depth", "Maximum nesting depth exceeded", 5, time.Hour, "High"},
	{"https-only", "Only HTTPS URLs are allowed", 1, time.Hour, "High"},
}

// counter counts what thresholds are about.
type counter struct {
	thresholds []Threshold
	seen       map[string][]time.Time // by rule; bounded by its count
}

// fires tells whether the text makes a rule fire, which one, and how many
// occurrences there were.
func (c *counter) fires(text string, at time.Time) (Threshold, int, bool) {
	i := slices.IndexFunc(c.thresholds, func(t Threshold) bool { return strings.HasPrefix(text, t.Prefix) })
	if i < 0 {
		return Threshold{}, 0, false
	}
	t := c.thresholds[i]
	recent := slices.DeleteFunc(c.seen[t.Rule], func(then time.Time) bool { return at.Sub(then) >= t.Within })
	recent = append(recent, at)
	if len(recent) < t.Count {
		c.seen[t.Rule] = recent
		return t, 0, false
	}
	delete(c.seen, t.Rule)
	return t, len(recent), true
}
