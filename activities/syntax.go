package activities

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/runners"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// syntaxTimeout bounds the check of one definition's scripts.
const syntaxTimeout = 10 * time.Second

// SyntaxError is what is wrong with one of the scripts that CheckSyntax was given.
type SyntaxError struct {
	Script  int    `json:"script"`  // index
	Line    int    `json:"line"`    // from 1
	Column  int    `json:"column"`  // from 1
	Message string `json:"message"` // printable, one line
}

// CheckSyntax compiles Python scripts, without running them, at level maximum.
// An error means that they could not be checked.
func CheckSyntax(ctx context.Context, runner Runner, in Interpreters, scripts []string) ([]SyntaxError, error) {
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
	var wrong []SyntaxError
	if err := json.Unmarshal(result.Stdout, &wrong); err != nil {
		return nil, fmt.Errorf("the checker's answer: %w", err)
	}
	for i := range wrong {
		if wrong[i].Script < 0 || wrong[i].Script >= len(scripts) {
			return nil, errors.New("the checker's answer names a script that it was not given")
		}
		wrong[i].Line, wrong[i].Column = max(wrong[i].Line, 1), max(wrong[i].Column, 1)
		wrong[i].Message = oneLine(wrong[i].Message, 200)
	}
	return wrong, nil
}

func syntaxSpec(in Interpreters, scripts []string) (sandbox.Spec, error) {
	path, err := in.Installed("python")
	if err != nil {
		return sandbox.Spec{}, err
	}
	arguments, err := json.Marshal(scripts)
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
