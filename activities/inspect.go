package activities

import (
	"context"
	"fmt"
	"strings"

	"lazaret.dev/lazaret/activities/checker"
	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
)

// inspect refuses a Python script for what it says, before it runs. What was
// found once is remembered, so that the next run of the same script costs
// nothing.
func (p *Processes) inspect(ctx context.Context, request contract.Process, policy policies.Effective, record recorder) error {
	if p.Checker == nil || request.Language != "python" {
		return nil
	}
	level := policy.Level
	terms := checker.Terms{
		Level: level, Granted: policy.Python.Allow,
		Modules: request.Python.Modules, Functions: request.Python.Functions,
		Packages: request.Lock != "",
	}
	interpreter, err := p.interpreter(request.Version)
	if err != nil {
		return err
	}
	facts, err := p.Checker.Facts(ctx, []checker.Script{{
		Source: request.Code, Arguments: ArgumentNames(request), Asked: terms.Asked(), Interpreter: interpreter,
	}})
	if err != nil {
		return err
	}
	findings := terms.Judge(facts[0])
	if p.Found != nil && len(findings) > 0 {
		p.Found(request, level, findings)
	}
	if err := record.found(findings, checker.Rate(facts...)); err != nil {
		return err
	}
	if reasons := checker.Refused(findings); len(reasons) > 0 {
		return refusal(policy, reasons)
	}
	return nil
}

// interpreter is the one that will run a script, and so the one to parse it: what
// one version of Python reads, another may not.
func (p *Processes) interpreter(version string) (checker.Interpreter, error) {
	if version == "" {
		return checker.Interpreter{}, nil
	}
	python, err := p.python(version)
	if fault := supplyFault(err); fault != nil {
		return checker.Interpreter{}, fault
	}
	return checker.Interpreter{Path: python.Path, Prefix: python.Prefix}, err
}

// maxReasons bounds what of the findings a fault carries: Temporal cuts a
// failure at 4 KiB.
const maxReasons = 8

// refusal is the fault of a script that cannot be read, or must not be run.
func refusal(policy policies.Effective, findings []checker.Finding) *contract.Fault {
	if f := findings[0]; f.Rule == "script.syntax" {
		version, _, _ := strings.Cut(f.Message, ": ")
		return runtimeFault("the script cannot be read by %s: line %d, column %d: SyntaxError: %s", version, f.Line, f.Column, f.Subject)
	}
	lines := []string{fmt.Sprintf("level %s refuses the script", policy.Level)}
	if policy.Because != "" {
		lines[0] += "; " + policy.Because
	}
	for _, f := range findings[:min(len(findings), maxReasons)] {
		lines = append(lines, fmt.Sprintf("Error: %s [%s] at line %d, column %d", oneLine(f.Message, 200), f.Rule, f.Line, f.Column))
	}
	if more := len(findings) - maxReasons; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return &contract.Fault{
		Type: contract.AuthorizationError, Status: 403, Title: "Security violation", Detail: strings.Join(lines, "\n"),
	}
}
