package worker

import (
	"context"

	"lazaret.dev/lazaret/activities"
	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/workflows/definition"
)

// checkScripts refuses a definition with a script that its interpreter cannot read.
func (a *app) checkScripts(ctx context.Context, b *bundle) error {
	findings := a.scriptFindings(ctx, b.source.File, b.def)
	if len(findings) == 0 {
		return nil
	}
	if err := findings.WritePlain(a.stderr); err != nil {
		return err
	}
	if findings.HasErrors() {
		return &exitError{code: exitInvalid, err: findings, quiet: true}
	}
	return nil
}

// scriptFindings compiles, and never runs, the definition's Python scripts in
// a sandbox. A machine without one gets a warning: the worker that runs the
// script will find out.
func (a *app) scriptFindings(ctx context.Context, file string, def *definition.Definition) definition.Findings {
	scripts := activities.Scripts(def)
	if len(scripts) == 0 {
		return nil
	}
	runner, err := sandbox.New(sandbox.Options{})
	if err != nil {
		return definition.Findings{unchecked(file, scripts[0].Task, err)}
	}
	defer func() { _ = runner.Close() }()
	findings, err := activities.CheckSyntax(ctx, runner, activities.HostInterpreters(), file, scripts)
	if err != nil {
		return definition.Findings{unchecked(file, scripts[0].Task, err)}
	}
	return findings
}

func unchecked(file string, t *definition.Task, err error) definition.Finding {
	return definition.Finding{
		File: file, Line: t.Position.Line, Column: t.Position.Column, Severity: definition.Warning,
		Rule: "script.unchecked", Reference: t.Reference,
		Message: "the syntax of scripts was not checked: " + err.Error(),
		Hint:    "lazaret doctor says what is missing",
	}
}
