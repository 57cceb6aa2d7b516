package worker

import (
	"fmt"
	"slices"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/workflows/definition"
)

// developerFindings are what the developer's checklist alone asks of a definition
// (A48): errors, times, input and events. Validate does not, for a definition that
// lacks them runs all the same.
func developerFindings(file string, def *definition.Definition) definition.Findings {
	d := developer{file: file, def: def}
	if def.Input.Schema == nil {
		d.say("/document", "lint.input", "say what it takes: input: {schema: {document: {type: object, …}}}", "the input is not checked against a schema")
	}
	if def.StartOn != nil {
		d.strategy("/schedule/on", def.StartOn.To)
	}
	d.list(def.Do, def.Timeout != nil, false)
	return d.found
}

// developer walks a definition; what is around a task comes down with it.
type developer struct {
	file  string
	def   *definition.Definition
	found definition.Findings
}

func (d *developer) say(pointer, rule, hint, format string, args ...any) {
	f := d.def.FindingAt(d.file, pointer, rule, hint, fmt.Sprintf(format, args...))
	f.Severity = definition.Warning
	d.found = append(d.found, f)
}

func (d *developer) list(tasks definition.TaskList, timed, caught bool) {
	for _, t := range tasks {
		d.task(t, timed || t.Timeout != nil, caught)
	}
}

func (d *developer) task(t *definition.Task, timed, caught bool) {
	if t.Body == nil { // it is in error, which validate says
		return
	}
	if hasEffect(t.Body) {
		if !timed {
			d.say(t.Reference, "lint.timeout", "give the task, or one around it, a timeout", "task %q may take for ever", t.Name)
		}
		if !caught {
			d.say(t.Reference, "lint.errors", "put it into a try, and say in its catch what happens then", "nothing handles an error of task %q", t.Name)
		}
	}
	switch body := t.Body.(type) {
	case *definition.Try:
		d.list(body.Tasks, timed, true)
		d.list(body.Catch.Do, timed, caught)
		return
	case *definition.Listen:
		d.strategy(t.Reference+"/listen", body.To)
	default:
	}
	for _, inner := range t.Lists() {
		d.list(inner, timed, caught)
	}
}

// hasEffect tells tasks that depend on something outside, and so may fail or hang
// by no fault of the definition.
func hasEffect(body definition.Body) bool {
	switch body.(type) {
	case *definition.RunScript, *definition.RunShell, *definition.RunWorkflow, *definition.Call, *definition.CallFunction,
		*definition.Libvirt, *definition.Listen, *definition.Emit:
		return true
	case *definition.Do, *definition.Set, *definition.Switch, *definition.For, *definition.Fork, *definition.Try,
		*definition.Raise, *definition.Wait:
	}
	return false
}

// strategy wants events to be awaited by their types.
func (d *developer) strategy(pointer string, s definition.Strategy) {
	if len(s.Filters) == 0 {
		d.say(pointer, "lint.event", "name the types of events that are meant", "every event is listened for")
	}
	for _, filter := range s.Filters {
		if !slices.ContainsFunc(filter.With, func(a definition.AttributeFilter) bool { return a.Name == "type" }) {
			d.say(pointer, "lint.event", "give each filter with: {type: …}", "events are listened for whatever their type")
		}
	}
	if s.UntilEvents != nil {
		d.strategy(pointer, *s.UntilEvents)
	}
}

// policyAnswer is what a policy says to the developer's questions; the zero answer is
// that none was asked.
type policyAnswer struct {
	asked  bool
	level  policies.Level
	tested bool // it has tests of the definition that say what it may not do, and they pass
	found  definition.Findings
}

// askPolicy asks --policy about a definition.
func (a *app) askPolicy(file string, def *definition.Definition) (policyAnswer, error) {
	answer := policyAnswer{level: policies.Maximum}
	if a.policy.file == "" {
		return answer, nil
	}
	signature, err := readSignature(file)
	if err != nil {
		return answer, err
	}
	p, err := readPolicy(a.policy.file, readPolicyOptions())
	if err != nil {
		return answer, err
	}
	id := identityOf(def, signature)
	answer.asked, answer.level = true, p.For(id).Level
	say := func(line, column int, rule, hint, message string) {
		answer.found = append(answer.found, definition.Finding{
			File: p.File, Line: line, Column: column, Severity: definition.Warning, Rule: rule, Message: message, Hint: hint,
		})
	}
	for _, f := range p.LintOf(p.For(id).Rule) {
		say(f.Line, f.Column, f.Rule, f.Hint, f.Message)
	}
	name := id.Namespace + "/" + id.Name
	denies := 0
	for _, t := range p.Test() {
		if t.Definition != name {
			continue
		}
		denies += t.Denies
		for _, failure := range t.Failures {
			say(failure.Line, failure.Column, "lint.tests", "", failure.Message)
		}
	}
	if answer.tested = denies > 0; !answer.tested {
		say(1, 1, "lint.tests", "add to its tests: {given: {namespace: "+id.Namespace+", name: "+id.Name+"}, deny: {egress: [example.com]}}",
			"no test of the policy says what "+name+" must not do")
	}
	return answer, nil
}

// unfit are findings in scripts that the level refuses.
func (p policyAnswer) unfit(findings definition.Findings) definition.Findings {
	return slices.DeleteFunc(slices.Clone(findings), func(f definition.Finding) bool {
		rule, known := policies.FindScriptRule(f.Rule)
		return !known || rule.At(p.level) != policies.Refuse
	})
}
