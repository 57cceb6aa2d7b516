package worker

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lazaret.dev/lazaret/activities"
	"lazaret.dev/lazaret/activities/audit"
	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/ledger"
	"lazaret.dev/lazaret/activities/notify"
	"lazaret.dev/lazaret/policies"
)

// securityMetrics count what the audit log records. Every label has a fixed set of
// values: what is none of them is "other", so that no program makes a series.
type securityMetrics struct {
	violations    *prometheus.CounterVec
	findings      *prometheus.CounterVec
	refusals      *prometheus.CounterVec
	verdicts      *prometheus.CounterVec
	changes       *prometheus.CounterVec
	lines         *prometheus.CounterVec
	failures      prometheus.Counter
	notifications *prometheus.CounterVec
	verdictAfter  prometheus.Histogram
}

func newSecurityMetrics(registry *prometheus.Registry) securityMetrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		registry.MustRegister(c)
		return c
	}
	m := securityMetrics{
		violations:    counter("lazaret_violations_total", "Kinds of forbidden acts in a run of a program, by type, severity and level.", "type", "severity", "level"),
		findings:      counter("lazaret_findings_total", "What the checker found in scripts, by rule.", "rule"),
		refusals:      counter("lazaret_refusals_total", "Refused programs, operations and callers, by the audit event.", "event"),
		verdicts:      counter("lazaret_verdicts_total", "What was made of violations, by decision.", "decision"),
		changes:       counter("lazaret_quarantine_changes_total", "Definitions put away and released.", "change"),
		lines:         counter("lazaret_audit_lines_total", "Lines written to the audit log, by event.", "event"),
		notifications: counter("lazaret_notifications_total", "Notifications, by the target's type and whether they were delivered.", "type", "outcome"),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "lazaret_audit_failures_total", Help: "Events that could not be recorded, and so did not happen.",
		}),
		verdictAfter: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "lazaret_violation_verdict_seconds", Help: "Time from a forbidden act to the verdict on its definition.",
			Buckets: prometheus.ExponentialBuckets(0.005, 2, 14),
		}),
	}
	registry.MustRegister(m.failures, m.verdictAfter)
	m.begin()
	return m
}

// begin makes the series that alerts look at: a counter that appears with its first
// event has had no increase.
func (m securityMetrics) begin() {
	for _, t := range notify.Findings {
		m.findings.WithLabelValues(t.Rule)
	}
	for _, change := range []audit.Kind{audit.Quarantine, audit.Release} {
		m.changes.WithLabelValues(string(change))
	}
	for _, kind := range refusalKinds {
		m.refusals.WithLabelValues(string(kind))
	}
	for _, decision := range decisions {
		m.verdicts.WithLabelValues(decision)
	}
	for _, kind := range violationTypes[:5] {
		for _, severity := range severities {
			for _, level := range levelNames {
				m.violations.WithLabelValues(kind, severity, level)
			}
		}
	}
}

// The values of labels.
var (
	violationTypes = []string{
		"UnauthorizedSystemCall", "UnauthorizedNetworkAccess", "UnauthorizedFileAccess", "ResourceLimitExceeded", "InvalidPermission",
		"StaticPolicyViolation", "CommunicationViolation", "MaliciousBehavior",
	}
	severities = contract.Severities
	levelNames = []string{policies.Maximum.String(), policies.Strict.String(), policies.Standard.String(), policies.Minimal.String()}
	decisions  = []string{string(policies.DecisionAllow), string(policies.DecisionWarn), string(policies.DecisionQuarantine)}
	eventKinds = []string{
		string(audit.Opened), string(audit.Recovered), string(audit.Pruned), string(audit.Gap), string(audit.BackedUp), string(audit.Operation),
		string(audit.Denied), string(audit.RateLimit), string(audit.Concurrent), string(audit.Unauth), string(audit.Violation), string(audit.Syscall),
		string(audit.File), string(audit.Connection), string(audit.Resource), string(audit.Script), string(audit.Finding), string(audit.Verdict),
		string(audit.Quarantine), string(audit.Release), string(audit.Incident), string(audit.Failure), string(audit.Policy), string(audit.Definition),
	}
	refusalKinds = []audit.Kind{audit.Denied, audit.RateLimit, audit.Concurrent, audit.Unauth}
)

func among(values []string, value string) string {
	if slices.Contains(values, value) {
		return value
	}
	return "other"
}

// findingRule is the rule that alerts know a finding by.
func findingRule(text string) string {
	i := slices.IndexFunc(notify.Findings, func(t notify.Threshold) bool { return strings.HasPrefix(text, t.Prefix) })
	if i < 0 {
		return "other"
	}
	return notify.Findings[i].Rule
}

// recorded counts a line of the audit log.
func (m *monitor) recorded(e audit.Event) {
	if m == nil {
		return
	}
	s := m.security
	s.lines.WithLabelValues(among(eventKinds, string(e.Kind))).Inc()
	switch {
	case e.Kind == audit.Violation:
		s.violations.WithLabelValues(among(violationTypes, e.Type), among(severities, e.Severity), among(levelNames, e.Level)).Inc()
	case e.Kind == audit.Finding:
		s.findings.WithLabelValues(findingRule(e.Message)).Inc()
	case e.Kind == audit.Verdict:
		s.verdicts.WithLabelValues(among(decisions, e.Outcome)).Inc()
	case e.Kind == audit.Quarantine || e.Kind == audit.Release:
		s.changes.WithLabelValues(string(e.Kind)).Inc()
	case slices.Contains(refusalKinds, e.Kind):
		s.refusals.WithLabelValues(string(e.Kind)).Inc()
	}
}

func (m *monitor) unrecorded() {
	if m != nil {
		m.security.failures.Inc()
	}
}

func (m *monitor) notified(kind string, err error) {
	if m == nil {
		return
	}
	outcome := "delivered"
	if err != nil {
		outcome = "failed"
	}
	m.security.notifications.WithLabelValues(among([]string{"webhook", "slack", "smtp", "exec"}, kind), outcome).Inc()
}

// noticed measures how long after the first of its acts a verdict came.
func (m *monitor) noticed(n ledger.Notice) {
	if m == nil || len(n.Violations) == 0 {
		return
	}
	first := n.Violations[0].At
	for _, v := range n.Violations {
		if v.At.Before(first) {
			first = v.At
		}
	}
	m.security.verdictAfter.Observe(max(0, cmp.Or(n.At, time.Now()).Sub(first).Seconds()))
}

// tap is the audit log, with an eye on what is written to it.
type tap struct {
	log     activities.Auditor
	monitor *monitor
	found   func(audit.Event) // told of findings; nil: nobody
}

// Append implements activities.Auditor.
func (t tap) Append(e audit.Event) (uint64, error) {
	seq, err := t.log.Append(e)
	if err != nil {
		t.monitor.unrecorded()
		return seq, err
	}
	t.monitor.recorded(e)
	if t.found != nil && e.Kind == audit.Finding {
		t.found(e)
	}
	return seq, nil
}
