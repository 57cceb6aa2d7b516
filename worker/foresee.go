package worker

import (
	"fmt"

	"lazaret.dev/lazaret/activities"
	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/workflows/definition"
)

// foresight holds what a definition writes out against a policy, before anything
// runs: each finding is what some task would be refused. What an expression yields is
// not known yet, and nothing is said about it.
type foresight struct {
	file     string
	def      *definition.Definition
	policy   *policies.Policy
	identity policies.Identity
	why      policies.Explanation
	own      policies.Effective // what holds at the definition's level
	found    definition.Findings
}

// foresee asks a policy about a definition; nil without one. A level that is given
// takes the place of the policy's.
func foresee(file string, def *definition.Definition, p *policies.Policy, id policies.Identity, level string) (*foresight, error) {
	if p == nil {
		return nil, nil
	}
	f := &foresight{file: file, def: def, policy: p, identity: id, why: p.Explain(id), own: p.For(id)}
	if level != "" {
		given, err := policies.ParseLevel(level)
		if err != nil {
			return nil, invalid("", "--%w", err)
		}
		f.own = f.own.At(given)
	}
	return f, nil
}

// look is about the whole definition but the text of its scripts.
func (f *foresight) look() definition.Findings {
	f.secrets()
	if f.def.StartOn != nil {
		f.listens("", "/schedule/on", f.def.StartOn.To)
	}
	f.def.Walk(f.task)
	return f.found
}

func (f *foresight) task(t *definition.Task) {
	e := f.at(t)
	switch body := t.Body.(type) {
	case *definition.Call:
		f.call(t, e, body)
	case *definition.CallFunction:
		f.source(t, e, t.Reference+"/call", body.URL)
	case *definition.RunScript:
		f.script(t, e, body)
	case *definition.Libvirt:
		f.libvirt(t, e, body)
	case *definition.Emit:
		f.emits(t, body)
	case *definition.Listen:
		f.listens(of(t), t.Reference+"/listen/to", body.To)
	case *definition.Do, *definition.Set, *definition.Switch, *definition.For, *definition.Fork, *definition.Try,
		*definition.Raise, *definition.Wait, *definition.RunShell, *definition.RunWorkflow:
	}
}

// at is what holds for a task: metadata may ask for a stricter level than the
// definition has.
func (f *foresight) at(t *definition.Task) policies.Effective {
	asked := definition.SandboxLevel(t.Metadata)
	if asked == "" {
		asked = definition.SandboxLevel(f.def.Document.Metadata)
	}
	if level, err := policies.ParseLevel(asked); err == nil && level > f.own.Level {
		return f.own.At(level)
	}
	return f.own
}

func of(t *definition.Task) string { return fmt.Sprintf("task %q: ", t.Name) }

// refuses says that a line of the policy, or what holds where it has none, refuses
// what stands at the pointer.
func (f *foresight) refuses(pointer, rule, decider, hint, format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	f.found = append(f.found, f.def.FindingAt(f.file, pointer, "policy."+rule, hint, message+" ("+decider+")"))
}

// secrets are those that the definition declares.
func (f *foresight) secrets() {
	for i, name := range f.def.Secrets {
		if !f.own.Secrets.Match(name) {
			f.refuses(fmt.Sprintf("/use/secrets/%d", i), "secret", f.why.Decider("secrets"), "the operator may list it under secrets",
				"the policy does not let this definition read secret %q", name)
		}
	}
}

// explained adds the policy's line to findings of those who know no policy.
func (f *foresight) explained(findings definition.Findings) definition.Findings {
	for i := range findings {
		switch findings[i].Rule {
		case "script.grant":
			findings[i].Hint = "the operator may list it under python.allow (" + f.why.Decider("python.allow") + ")"
		case "policy.level":
			findings[i].Hint += " (" + f.why.Decider("level") + ")"
		}
	}
	return findings
}

// script is about the language, the source and the packages of a script.
func (f *foresight) script(t *definition.Task, e policies.Effective, body *definition.RunScript) {
	if body.Source != nil {
		if url, ok := body.Source.Endpoint.Constant(); ok {
			text, _ := url.(string)
			f.source(t, e, t.Reference+"/run/script/source/endpoint/uri", text)
		}
	}
	_, err := activities.HostInterpreters().Spec(contract.Process{Language: body.Language}, e.Level)
	if fault, ok := err.(*contract.Fault); ok && fault.Type == contract.Refused { //nolint:errorlint // our own, unwrapped
		f.refuses(t.Reference+"/run/script/language", "language", f.why.Decider("level"), "", "%s%s", of(t), fault.Detail)
	}
	if body.Language == "python" {
		f.python(t, e, body.Python)
	}
}
