package policies

import (
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// recoverySettings are what is done about errors by itself.
var recoverySettings = []*setting{
	{
		key: "recovery.automatic", about: "whether errors are recovered from as the [table](recovery.md) says, before the definition sees them (default not)", form: `{"type": "boolean"}`,
		read:  func(r *documentReader, n *yaml.Node) (any, bool) { return boxed(r.boolean(n, "recovery.automatic")) },
		apply: func(e *Effective, v any) { e.Recovery.Automatic = v.(bool) },
		show:  func(e Effective) any { return e.Recovery.Automatic },
	},
	tally("recovery.consecutive", "so many executions in a row that end in an error put it into quarantine", func(e *Effective) *int { return &e.Recovery.Consecutive }),
	tally("recovery.critical", "so many critical errors without a success in between cancel its executions", func(e *Effective) *int { return &e.Recovery.Critical }),
	{
		key: "recovery.backoff", about: "the pause before the first retry; it doubles (default the table's)", form: durationForm,
		read: func(r *documentReader, n *yaml.Node) (any, bool) {
			return boxed(r.duration(n, "recovery.backoff", time.Millisecond, time.Hour))
		},
		apply: func(e *Effective, v any) { e.Recovery.Backoff = v.(time.Duration) },
		show:  func(e Effective) any { return durationText(e.Recovery.Backoff) },
	},
	{
		key: "recovery.actions", about: "actions that take the place of the table's, by category: " + strings.Join(recoveryActions, ", "),
		form:  recoveryForm(),
		read:  (*documentReader).recoveryActions,
		apply: func(e *Effective, v any) { e.Recovery.Actions = v.(map[ErrorCategory]RecoveryAction) },
		show: func(e Effective) any {
			all := map[string]any{}
			for category, action := range e.Recovery.Actions {
				all[string(category)] = string(action)
			}
			return all
		},
	},
}

func tally(key, about string, at func(*Effective) *int) *setting {
	const most = 1000
	return &setting{
		key: key, about: about, form: fmt.Sprintf(`{"type": "integer", "minimum": 1, "maximum": %d}`, most),
		read:  func(r *documentReader, n *yaml.Node) (any, bool) { return boxed(r.integer(n, key, 1, most)) },
		apply: func(e *Effective, v any) { *at(e) = int(v.(int64)) },
		show:  func(e Effective) any { return *at(&e) },
	}
}

// replaceable are the categories whose action a policy may replace.
func replaceable() []string {
	var names []string
	for _, rule := range recoveryTable {
		if !rule.Fixed {
			names = append(names, string(rule.Category))
		}
	}
	return names
}

func recoveryForm() string {
	properties := make([]string, 0, len(recoveryTable))
	for _, name := range replaceable() {
		properties = append(properties, fmt.Sprintf(`%q: {"enum": ["%s"]}`, name, strings.Join(recoveryActions, `", "`)))
	}
	return `{"type": "object", "additionalProperties": false, "properties": {` + strings.Join(properties, ", ") + `}}`
}

func (r *documentReader) recoveryActions(n *yaml.Node) (any, bool) {
	before := len(r.findings)
	actions := map[ErrorCategory]RecoveryAction{}
	for _, e := range r.object(n, "recovery.actions", replaceable()) {
		if word, ok := r.choice(e.value, "recovery.actions."+e.key.Value, recoveryActions...); ok {
			actions[ErrorCategory(e.key.Value)] = RecoveryAction(word)
		}
	}
	return actions, len(r.findings) == before
}
