package worker

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lazaret.dev/lazaret/activities"
	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/definition"
)

// argumentFindings are about the arguments of scripts as far as they are
// written out: how deep they nest, and the names that become variables. What
// expressions yield is checked before the script runs.
func argumentFindings(file string, def *definition.Definition) definition.Findings {
	var findings definition.Findings
	def.Walk(func(t *definition.Task) {
		body, ok := t.Body.(*definition.RunScript)
		if !ok {
			return
		}
		arguments, err := json.Marshal(writtenArguments(t))
		if err == nil {
			err = activities.CheckArguments(body.Language, arguments)
		}
		if fault, ok := errors.AsType[*contract.Fault](err); ok {
			rule := "script.arguments"
			if strings.HasPrefix(fault.Detail, activities.DepthExceeded) {
				rule += ".depth"
			}
			findings = append(findings, definition.Finding{
				File: file, Line: t.Position.Line, Column: t.Position.Column, Severity: definition.Error,
				Rule: rule, Reference: t.Reference,
				Message: fmt.Sprintf("task %q: %s", t.Name, fault.Detail),
			})
		}
	})
	return findings
}

// writtenArguments are a task's arguments as they stand in the document, nil
// where an expression yields them all.
func writtenArguments(t *definition.Task) any {
	var value any = t.Raw
	for _, key := range []string{"run", "script", "arguments"} {
		members, _ := value.(map[string]any)
		value = members[key]
	}
	switch value.(type) {
	case map[string]any, []any:
		return value
	}
	return []any{}
}

func argumentNames(t *definition.Task) []string {
	members, _ := writtenArguments(t).(map[string]any)
	return slices.Sorted(maps.Keys(members))
}
