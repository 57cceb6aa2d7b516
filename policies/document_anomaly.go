package policies

import (
	"time"

	"go.yaml.in/yaml/v3"

	"lazaret.dev/lazaret/sandbox"
)

// anomalySettings say when so much happens to a definition that it is out of its own
// ordinary.
var anomalySettings = []*setting{
	{
		key: "anomaly.watch", about: "whether far more violations or errors than are usual for it are a violation of their own, MaliciousBehavior (default yes)", form: `{"type": "boolean"}`,
		read:    func(r *documentReader, n *yaml.Node) (any, bool) { return boxed(r.boolean(n, "anomaly.watch")) },
		apply:   func(e *Effective, v any) { e.Anomaly.Watch = v.(bool) },
		show:    func(e Effective) any { return e.Anomaly.Watch },
		narrows: func(child, parent Effective) bool { return child.Anomaly.Watch || !parent.Anomaly.Watch },
	},
	{
		key: "anomaly.window", about: "what is counted together", form: durationForm,
		read: func(r *documentReader, n *yaml.Node) (any, bool) {
			return boxed(r.duration(n, "anomaly.window", time.Second, day))
		},
		apply: func(e *Effective, v any) { e.Anomaly.Window = v.(time.Duration) },
		show:  func(e Effective) any { return durationText(e.Anomaly.Window) },
	},
	threshold("anomaly.least", "fewer within a window are never too many", func(e *Effective) *int { return &e.Anomaly.Least }),
	{
		key: "anomaly.factor", about: "so many times the usual number are too many", form: `{"type": "number", "minimum": 1, "maximum": 1000}`,
		read: func(r *documentReader, n *yaml.Node) (any, bool) {
			return boxed(r.number(n, "anomaly.factor", 1, 1000))
		},
		apply:   func(e *Effective, v any) { e.Anomaly.Factor = v.(float64) },
		show:    func(e Effective) any { return e.Anomaly.Factor },
		narrows: func(child, parent Effective) bool { return child.Anomaly.Factor <= parent.Anomaly.Factor },
	},
	threshold("anomaly.learn", "so many windows in which something happened say what is usual; before, nothing is too much", func(e *Effective) *int { return &e.Anomaly.Learn }),
	{
		key: "anomaly.severity", about: "the severity of that violation: High counts and is told at once, Critical puts it into quarantine", form: `{"enum": ["Low", "Medium", "High", "Critical"]}`,
		read: func(r *documentReader, n *yaml.Node) (any, bool) {
			severity := sandbox.High
			word, ok := r.choice(n, "anomaly.severity", severities...)
			ok = ok && severity.UnmarshalText([]byte(word)) == nil
			return severity, ok
		},
		apply:   func(e *Effective, v any) { e.Anomaly.Severity = v.(sandbox.Severity) },
		show:    func(e Effective) any { return e.Anomaly.Severity.String() },
		narrows: func(child, parent Effective) bool { return child.Anomaly.Severity >= parent.Anomaly.Severity },
	},
}
