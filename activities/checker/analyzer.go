package checker

import (
	"context"
	"fmt"
	"os"
	"slices"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// Analyzer is a further opinion on a script, beside the Checker's. Its findings
// have a Response of their own.
type Analyzer interface {
	Name() string
	// Analyze returns a *MissingError where the analyzer is not installed.
	Analyze(ctx context.Context, script Script) ([]Finding, error)
}

// MissingError is an analyzer that is not installed on this machine.
type MissingError struct{ Name, Install string }

func (e *MissingError) Error() string { return fmt.Sprintf("analyzer %s is not installed", e.Name) }

// AnalyzerNames are the analyzers that NewAnalyzer knows.
func AnalyzerNames() []string {
	names := make([]string, len(tools))
	for i, t := range tools {
		names[i] = t.name
	}
	return names
}

// FindAnalyzer returns the path of an installed analyzer. Its error is a
// *MissingError where it is known and not installed.
func FindAnalyzer(name string) (string, error) {
	i := slices.IndexFunc(tools, func(t tool) bool { return t.name == name })
	if i < 0 {
		return "", fmt.Errorf("analyzer %.40q is unknown", name)
	}
	return tools[i].program, tools[i].installed()
}

// NewAnalyzer returns the analyzer of that name. Like the scripts that it reads,
// it runs in a sandbox: it parses hostile text as well.
func NewAnalyzer(name string, runner Runner, python string) (Analyzer, bool) {
	i := slices.IndexFunc(tools, func(t tool) bool { return t.name == name })
	if i < 0 {
		return nil, false
	}
	return &analyzer{tool: tools[i], runner: runner, python: python}, true
}

// tool is a program that reads /lazaret/script.py and prints JSON.
type tool struct {
	name, program, install string
	// level is the strictest that the tool can work in; its input is hostile at any.
	level     policies.Level
	arguments func(Script) []string
	files     []sandbox.File
	codes     []int // exit codes of a tool that did its work
	decode    func(output []byte) ([]Finding, error)
}

// installed returns a *MissingError where the tool is not on this machine.
func (t tool) installed() error {
	if _, err := os.Stat(t.program); err != nil {
		return &MissingError{Name: t.name, Install: t.install}
	}
	return nil
}

type analyzer struct {
	tool   tool
	runner Runner
	python string
}

func (a *analyzer) Name() string { return a.tool.name }

func (a *analyzer) Analyze(ctx context.Context, script Script) ([]Finding, error) {
	if err := a.tool.installed(); err != nil {
		return nil, err
	}
	spec, err := a.spec(script)
	if err != nil {
		return nil, err
	}
	result, err := a.runner.Run(ctx, spec)
	if err != nil {
		return nil, err
	}
	if ended := result.Outcome == sandbox.Completed || result.Outcome == sandbox.Failed; !ended || !slices.Contains(a.tool.codes, result.Code) || result.Truncated {
		return nil, fmt.Errorf("analyzer %s: %s, exit code %d: %s", a.tool.name, result.Outcome, result.Code, oneLine(end(result.Stderr)))
	}
	findings, err := a.tool.decode(result.Stdout)
	if err != nil {
		return nil, fmt.Errorf("analyzer %s: its answer: %w", a.tool.name, err)
	}
	return bounded(findings), nil
}

func (a *analyzer) spec(script Script) (sandbox.Spec, error) {
	spec, err := policies.SpecFor(a.tool.level)
	if err != nil {
		return spec, err
	}
	host := sandbox.HostEnvironment()
	spec.Binds = append(spec.Binds, host.Binds...)
	spec.Files = append(append(spec.Files, host.Files...), a.tool.files...)
	spec.Files = append(spec.Files, sandbox.File{Path: analyzedScript, Content: []byte(script.Source)})
	spec.Env = []string{"PATH=/usr/bin:/bin", "HOME=/", "LANG=C.UTF-8"}
	spec.Argv = append([]string{a.python, "-I", "-B", a.tool.program}, a.tool.arguments(script)...)
	spec.Limits.Wall = maxAnalysis
	return spec, nil
}

// bounded makes an analyzer's findings fit to be shown.
func bounded(findings []Finding) []Finding {
	findings = findings[:min(len(findings), maxFindings)]
	for i := range findings {
		f := &findings[i]
		f.Rule, f.Message = oneLine(f.Rule), oneLine(f.Message)
		f.Line, f.Column = min(max(f.Line, 1), maxPlace), min(max(f.Column, 1), maxPlace)
	}
	return findings
}

// end is the last of what a program complained of: where Python says why.
func end(stderr []byte) string { return string(stderr[max(0, len(stderr)-maxText):]) }
