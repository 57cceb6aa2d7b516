package activities

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/runners"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/workflows/definition"
)

// Script is a Python script that stands in a definition as it will run.
type Script struct {
	Task *definition.Task
	At   definition.Position // of the code's first line
	Code string
}

// Scripts are the definition's constant Python scripts, in document order.
func Scripts(def *definition.Definition) []Script {
	var scripts []Script
	def.Walk(func(t *definition.Task) {
		body, ok := t.Body.(*definition.RunScript)
		if !ok || body.Language != "python" {
			return
		}
		code, constant := body.Code.Constant()
		if text, isText := code.(string); constant && isText {
			scripts = append(scripts, Script{Task: t, At: body.CodeAt, Code: text})
		}
	})
	return scripts
}

// syntaxTimeout bounds the check of one definition's scripts.
const syntaxTimeout = 10 * time.Second

// CheckSyntax compiles the scripts, without running them, at level maximum. An
// error means that they could not be checked.
func CheckSyntax(ctx context.Context, runner Runner, in Interpreters, file string, scripts []Script) (definition.Findings, error) {
	spec, err := syntaxSpec(in, scripts)
	if err != nil {
		return nil, err
	}
	result, err := runner.Run(ctx, spec)
	if err != nil {
		return nil, err
	}
	if result.Outcome != sandbox.Completed {
		return nil, fmt.Errorf("the checker ended as %s%s", result.Outcome, tail(result.Stderr))
	}
	var wrong []syntaxError
	if err := json.Unmarshal(result.Stdout, &wrong); err != nil {
		return nil, fmt.Errorf("the checker's answer: %w", err)
	}
	return syntaxFindings(file, scripts, wrong), nil
}

func syntaxSpec(in Interpreters, scripts []Script) (sandbox.Spec, error) {
	path, err := in.Installed("python")
	if err != nil {
		return sandbox.Spec{}, err
	}
	sources := make([]string, len(scripts))
	for i, s := range scripts {
		sources[i] = s.Code
	}
	arguments, err := json.Marshal(sources)
	if err != nil {
		return sandbox.Spec{}, fmt.Errorf("scripts: %w", err)
	}
	spec, err := base(contract.Process{}, policies.Maximum)
	if err != nil {
		return spec, err
	}
	spec.Arguments = []byte(base64.StdEncoding.EncodeToString(arguments))
	spec.Limits.Wall = syntaxTimeout
	return python(spec, path, string(runners.Syntax)), nil
}

// syntaxError is one script's error as the checker prints it.
type syntaxError struct {
	Script  int    `json:"script"`
	Line    int    `json:"line"`   // from 1
	Column  int    `json:"column"` // from 1
	Message string `json:"message"`
}

func syntaxFindings(file string, scripts []Script, wrong []syntaxError) definition.Findings {
	var findings definition.Findings
	for _, e := range wrong {
		if e.Script < 0 || e.Script >= len(scripts) {
			continue
		}
		s := scripts[e.Script]
		findings = append(findings, definition.Finding{
			File: file, Line: s.At.Line + max(e.Line, 1) - 1, Column: s.At.Column + max(e.Column, 1) - 1,
			Severity: definition.Error, Rule: "script.syntax", Reference: s.Task.Reference,
			Message: fmt.Sprintf("task %q: Python: %s", s.Task.Name, oneLine(e.Message, 200)),
		})
	}
	return findings
}
