package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"lazaret.dev/lazaret/activities"
	"lazaret.dev/lazaret/activities/checker"
	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/workflows/definition"
)

// checkAnalyzers refuses names of analyzers that do not exist.
func checkAnalyzers(names []string) error {
	for _, name := range names {
		if !slices.Contains(checker.AnalyzerNames(), name) {
			return invalid("use "+strings.Join(checker.AnalyzerNames(), ", "), "--analyzer %q is unknown", name)
		}
	}
	return nil
}

// analyzerFindings are what the analyzers say of a definition's Python scripts.
// One that was asked for and cannot say is an error, never silence.
func (a *app) analyzerFindings(ctx context.Context, file string, def *definition.Definition, names []string) definition.Findings {
	scripts := pythonScripts(def)
	if len(scripts) == 0 || len(names) == 0 {
		return nil
	}
	degradations, err := a.degradations()
	if err != nil {
		return definition.Findings{unchecked(file, scripts[0].task, err)}
	}
	runner, err := sandbox.New(sandbox.Options{Prepared: 1})
	if err != nil {
		return definition.Findings{unchecked(file, scripts[0].task, err)}
	}
	defer func() { _ = runner.Close() }()
	var findings definition.Findings
	for _, name := range names {
		analyzer, _ := checker.NewAnalyzer(name, activities.OwnPrograms{Runner: runner, Permitted: degradations}, activities.HostInterpreters().Python)
		for _, s := range scripts {
			found, err := analyzer.Analyze(ctx, checker.Script{Source: s.code, Arguments: s.arguments})
			if err != nil {
				findings = append(findings, s.unanalyzed(file, err))
				break
			}
			for _, f := range found {
				findings = append(findings, s.finding(file, def.Source, f))
			}
		}
	}
	return findings
}

func (s pythonScript) unanalyzed(file string, err error) definition.Finding {
	f := definition.Finding{
		File: file, Line: s.task.Position.Line, Column: s.task.Position.Column, Severity: definition.Error,
		Rule: "script.unanalyzed", Reference: s.task.Reference, Message: fmt.Sprintf("task %q: %v", s.task.Name, err),
	}
	if missing, ok := errors.AsType[*checker.MissingError](err); ok {
		f.Hint = missing.Install
	}
	return f
}
