package worker

import (
	"context"
	"fmt"

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
	scripts := pythonScripts(def)
	if len(scripts) == 0 {
		return nil
	}
	wrong, err := compileScripts(ctx, scripts)
	if err != nil {
		return definition.Findings{unchecked(file, scripts[0].task, err)}
	}
	var findings definition.Findings
	for _, e := range wrong {
		findings = append(findings, scripts[e.Script].finding(file, e))
	}
	return findings
}

// pythonScript is a script that stands in a definition as it will run.
type pythonScript struct {
	task *definition.Task
	at   definition.Position // of the code's first line
	code string
}

// pythonScripts are the definition's constant Python scripts, in document order.
func pythonScripts(def *definition.Definition) []pythonScript {
	var scripts []pythonScript
	def.Walk(func(t *definition.Task) {
		body, ok := t.Body.(*definition.RunScript)
		if !ok || body.Language != "python" || body.Code == nil {
			return
		}
		code, constant := body.Code.Constant()
		if text, isText := code.(string); constant && isText {
			scripts = append(scripts, pythonScript{task: t, at: body.CodeAt, code: text})
		}
	})
	return scripts
}

func (s pythonScript) finding(file string, e activities.SyntaxError) definition.Finding {
	return definition.Finding{
		File: file, Line: s.at.Line + e.Line - 1, Column: s.at.Column + e.Column - 1,
		Severity: definition.Error, Rule: "script.syntax", Reference: s.task.Reference,
		Message: fmt.Sprintf("task %q: Python: %s", s.task.Name, e.Message),
	}
}

func compileScripts(ctx context.Context, scripts []pythonScript) ([]activities.SyntaxError, error) {
	runner, err := sandbox.New(sandbox.Options{Prepared: 1})
	if err != nil {
		return nil, err
	}
	defer func() { _ = runner.Close() }()
	sources := make([]string, len(scripts))
	for i, s := range scripts {
		sources[i] = s.code
	}
	return activities.CheckSyntax(ctx, runner, activities.HostInterpreters(), sources)
}

func unchecked(file string, t *definition.Task, err error) definition.Finding {
	return definition.Finding{
		File: file, Line: t.Position.Line, Column: t.Position.Column, Severity: definition.Warning,
		Rule: "script.unchecked", Reference: t.Reference,
		Message: "the syntax of scripts was not checked: " + err.Error(),
		Hint:    "lazaret doctor says what is missing",
	}
}
