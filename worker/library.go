package worker

import (
	"context"
	"errors"
	"fmt"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/published"
	"lazaret.dev/lazaret/workflows/definition"
)

// needed is a definition that a run.workflow task names and that did not come along.
type needed struct {
	reference contract.Reference
	task      *definition.Task
}

// neededOf lists those of a definition that are not known.
func neededOf(def *definition.Definition, known func(*definition.RunWorkflow) bool) []needed {
	var all []needed
	def.Walk(func(t *definition.Task) {
		body, ok := t.Body.(*definition.RunWorkflow)
		if !ok || known(body) {
			return
		}
		all = append(all, needed{contract.Reference{Namespace: body.Namespace, Name: body.Name, Version: body.Version}, t})
	})
	return all
}

// store is what is published where the session leads.
func (s *session) store() published.Store {
	return published.Store{Client: s.Client, Suggest: definition.Suggest, Converter: s.converter()}
}

// What to do about a definition that run.workflow names and that is not there.
const (
	handOver     = "hand it over with --definition FILE or --definition FOLDER, or publish it"
	publishFirst = "publish it first, or in the same command"
)

// checkNeeded refuses a run.workflow whose definition neither came along nor is
// published, before anything runs.
func (s *session) checkNeeded(ctx context.Context, file string, all []needed, remedy string) error {
	var findings definition.Findings
	for _, n := range all {
		_, err := s.store().Resolve(ctx, n.reference)
		missing, ok := errors.AsType[*published.Missing](err)
		if err != nil && !ok {
			return temporalError(err)
		}
		if ok {
			findings = append(findings, missingFinding(file, n, missing, remedy))
		}
	}
	if len(findings) == 0 {
		return nil
	}
	return &exitError{code: exitInvalid, err: findings, hint: findings[0].Hint}
}

func missingFinding(file string, n needed, missing *published.Missing, remedy string) definition.Finding {
	hint := missing.Hint
	if hint == "" {
		hint = remedy
	}
	return definition.Finding{
		File: file, Line: n.task.Position.Line, Column: n.task.Position.Column, Severity: definition.Error,
		Rule: "run.workflow.unknown", Reference: n.task.Reference, Hint: hint,
		Message: fmt.Sprintf("task %q runs %s, which did not come along and %s", n.task.Name, n.reference, missing.Reason),
	}
}
