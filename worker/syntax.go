package worker

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"lazaret.dev/lazaret/activities"
	"lazaret.dev/lazaret/activities/checker"
	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/environments"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/worker/install"
	"lazaret.dev/lazaret/workflows/definition"
)

// scriptTerms are those on which a definition's scripts are judged before they
// run. The zero Level is a level that is not known here: the worker will judge.
type scriptTerms struct {
	level   policies.Level
	granted policies.ScriptNames
	// foresight, if there is one, knows what else a policy refuses of a script.
	foresight *foresight
}

// checkScripts refuses a definition with a script that its interpreter cannot
// read, or that its level refuses.
func (a *app) checkScripts(ctx context.Context, b *bundle, terms scriptTerms) error {
	findings := definition.OncePerPlace(a.scriptFindings(ctx, b.source.File, b.def, terms))
	errs := findings.Errors()
	if len(errs) == 0 {
		// Warnings are for validate: who runs it has seen them there.
		return a.unchecked(findings)
	}
	if err := errs.WritePlain(a.stderr); err != nil {
		return err
	}
	a.announceDangers(errs)
	code := exitInvalid
	if !slices.ContainsFunc(errs, func(f definition.Finding) bool { return !refusal(f) }) {
		code = exitRefused
	}
	return &exitError{code: code, err: errs, quiet: true}
}

func (a *app) unchecked(findings definition.Findings) error {
	return slices.DeleteFunc(findings, func(f definition.Finding) bool { return f.Rule != "script.unchecked" }).WritePlain(a.stderr)
}

// announceDangers ends a refusal with what was found, in the words that people
// and alerts look for.
func (a *app) announceDangers(errs definition.Findings) {
	var said []string
	for _, f := range errs {
		_, message, _ := strings.Cut(f.Message, ": ")
		if refusal(f) && !slices.Contains(said, message) {
			said = append(said, message)
			fmt.Fprintln(a.stderr, "Error: "+message)
		}
	}
}

// refusal reports whether a finding is about what a script may do, not about
// whether it is a script at all.
func refusal(f definition.Finding) bool {
	rule, known := policies.FindScriptRule(f.Rule)
	return known && (rule.Minimal != policies.Refuse || rule.ID == "script.grant")
}

// scriptFindings checks, and never runs, the definition's Python scripts in a
// sandbox. A machine without one gets a warning: the worker that runs the
// script will find out.
func (a *app) scriptFindings(ctx context.Context, file string, def *definition.Definition, terms scriptTerms) definition.Findings {
	findings := argumentFindings(file, def)
	scripts := pythonScripts(def)
	if len(scripts) == 0 {
		return findings
	}
	pythons, err := a.pythons()
	var facts []checker.Facts
	degradations, wrong := a.degradations()
	if err == nil {
		err = wrong
	}
	if err == nil {
		facts, err = checkScripts(ctx, scripts, pythons, degradations)
	}
	if err != nil {
		return append(findings, unchecked(file, scripts[0].task, err))
	}
	for i, s := range scripts {
		for _, f := range terms.judge(s, facts[i]) {
			findings = append(findings, s.finding(file, def.Source, f))
		}
	}
	return append(findings, riskFindings(file, scripts, facts)...)
}

// riskFindings rate a definition's scripts together. Nothing is said of those that are
// safe, nor where another version of Python would have to read them.
func riskFindings(file string, scripts []pythonScript, facts []checker.Facts) definition.Findings {
	risk := checker.Rate(facts...)
	foreign := slices.ContainsFunc(scripts, func(s pythonScript) bool { return s.foreign })
	if risk.Rating == policies.RiskSafe || foreign && slices.ContainsFunc(risk.Costs, func(c checker.Cost) bool { return c.Rule == "script.syntax" }) {
		return nil
	}
	return definition.Findings{{
		File: file, Line: scripts[0].at.Line, Column: scripts[0].at.Column, Severity: definition.Note, Rule: "script.risk",
		Reference: scripts[0].task.Reference, Message: risk.String(),
	}}
}

// judge leaves, where the level is not known, what every level refuses.
func (t scriptTerms) judge(s pythonScript, facts checker.Facts) []checker.Finding {
	terms := checker.Terms{
		Level: t.level, Granted: t.granted,
		Modules: s.names.Modules, Functions: s.names.Functions, Packages: s.packages,
	}
	if t.level != 0 {
		found := terms.Judge(facts)
		if t.foresight != nil {
			found = append(found, t.foresight.scripted(s.task, facts)...)
		}
		return found
	}
	return checker.Refused(checker.Terms{Level: policies.Minimal}.Judge(checker.Facts{Findings: facts.Findings}))
}

// pythonScript is a script that stands in a definition as it will run.
type pythonScript struct {
	task      *definition.Task
	at        definition.Position // of the code's first line
	code      string
	names     contract.PythonNames
	arguments []string
	packages  bool   // it has some
	version   string // of Python; the worker's own when empty
	// foreign says that the version is not on this machine, whose own has to do.
	foreign bool
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
			scripts = append(scripts, pythonScript{
				task: t, at: body.CodeAt, code: text,
				names:     contract.NewPythonNames(def.Document.Metadata, t.Metadata),
				arguments: argumentNames(t),
				packages:  len(body.Python.Packages) > 0 || body.Python.RequirementsURL != "",
				version:   body.Python.Version,
			})
		}
	})
	return scripts
}

func (s pythonScript) finding(file string, source []byte, f checker.Finding) definition.Finding {
	severity := definition.Error
	if f.Response == policies.Warn {
		severity = definition.Warning
	}
	if s.foreign && f.Rule == "script.syntax" { // it may be right in the other version
		severity = definition.Warning
		f.Hint = "the script asks for Python " + s.version + ", which is not on this machine: --python " + s.version + "=PATH says where"
	}
	at := s.locate(source, f)
	return definition.Finding{
		File: file, Line: at.Line, Column: at.Column, Severity: severity, Rule: f.Rule,
		Reference: s.task.Reference, Hint: f.Hint,
		Message: fmt.Sprintf("task %q: %s", s.task.Name, f.Message),
	}
}

// locate is the finding's place in the document. Below the first line that is
// known for a block of text alone; elsewhere it is where the script begins.
func (s pythonScript) locate(source []byte, f checker.Finding) definition.Position {
	at := definition.Position{Line: s.at.Line + f.Line - 1, Column: s.at.Column + f.Column - 1}
	if f.Line == 1 {
		return at
	}
	document, script := strings.Split(string(source), "\n"), strings.Split(s.code, "\n")
	if at.Line <= len(document) && f.Line <= len(script) && strings.TrimSpace(document[at.Line-1]) == strings.TrimSpace(script[f.Line-1]) {
		return at
	}
	return s.at
}

// checkScripts has each script parsed by the version of Python that it asks for, and
// notes where that is not there.
func checkScripts(ctx context.Context, scripts []pythonScript, pythons environments.Pythons, permitted policies.Degradations) ([]checker.Facts, error) {
	python, err := activities.HostInterpreters().Installed("python")
	if err != nil {
		return nil, err
	}
	runner, err := sandbox.New(sandbox.Options{Prepared: 1})
	if err != nil {
		return nil, err
	}
	defer func() { _ = runner.Close() }()
	sources := make([]checker.Script, len(scripts))
	for i, s := range scripts {
		sources[i] = checker.Script{Source: s.code, Arguments: s.arguments, Asked: slices.Concat(s.names.Modules, s.names.Functions)}
		if s.version == "" {
			continue
		}
		chosen, err := pythons.Choose(s.version)
		scripts[i].foreign = err != nil
		sources[i].Interpreter = checker.Interpreter{Path: chosen.Path, Prefix: chosen.Prefix}
	}
	c := checker.Checker{Runner: activities.OwnPrograms{Runner: runner, Permitted: permitted}, Python: python}
	return c.Facts(ctx, sources)
}

func unchecked(file string, t *definition.Task, err error) definition.Finding {
	return definition.Finding{
		File: file, Line: t.Position.Line, Column: t.Position.Column, Severity: definition.Warning,
		Rule: "script.unchecked", Reference: t.Reference,
		Message: "scripts were not checked: " + err.Error(),
		Hint:    "lazaret doctor says what is missing",
	}
}

// presumedLevel is the level of an execution for which none was asked: maximum
// where this command will bring the worker itself, else unknown.
func (a *app) presumedLevel() policies.Level {
	if _, configured, err := configuredTemporal(); configured || err != nil {
		return 0
	}
	dir, err := a.statePath()
	if err == nil {
		_, err = os.Stat(dir)
	}
	if err != nil {
		return policies.Maximum
	}
	home, err := install.Open(dir)
	if err != nil {
		return 0
	}
	if _, found, err := home.Running(); found || err != nil {
		return 0
	}
	return policies.Maximum
}
