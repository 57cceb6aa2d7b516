package definition

import (
	"strings"

	"lazaret.dev/lazaret/workflows/expression"
)

// runBody builds the process that a run task starts.
func (c *checker) runBody(run, metadata cursor, v vars) Body {
	scope := v.definitionScope()
	await := run.get("await").flag(true)
	result := ReturnStdout
	if r := run.get("return").str(); r != "" {
		result = Return(r)
	}
	switch {
	case run.get("script").exists():
		body := c.script(run.get("script"), metadata, scope)
		body.Await, body.Return = await, result
		return body
	case run.get("shell").exists():
		return c.shell(run.get("shell"), scope, await, result)
	case run.get("workflow").exists():
		if form := run.get("return"); form.exists() {
			c.warn(form, "run.return", "", "return has no effect on run.workflow, whose output is that of the workflow")
		}
		return c.subflow(run.get("workflow"), scope, await)
	case run.get("container").exists():
		c.reportHint(run.get("container"), "unsupported.run.container",
			"take run.script or run.shell: packages can be locked, folders shared",
			"run.container is not supported by this version: a program of an image would run outside of the sandbox")
	}
	return nil
}

// languages are the names of script languages with the one that is run.
var languages = map[string]string{"python": "python", "js": "js", "javascript": "js"}

func (c *checker) script(script, metadata cursor, scope expression.Scope) *RunScript {
	code := script.get("code")
	body := &RunScript{
		Language:    c.language(script.get("language")),
		Code:        c.code(code, scope),
		Source:      c.scriptSource(script.get("source"), c.scriptPin(metadata), scope),
		Stdin:       c.secretTemplate(script.get("stdin"), scope.With(secretVariable)),
		Arguments:   c.secretTemplate(script.get("arguments"), scope.With(secretVariable)),
		Environment: c.secretTemplate(script.get("environment"), scope.With(secretVariable)),
	}
	if body.Language == "python" {
		body.Python = c.python(metadata, c.py)
	}
	if code.is(stringNode) {
		body.CodeAt = c.source.locate(code.node, 0)
	}
	return body
}

func (c *checker) language(cur cursor) string {
	name := cur.str()
	language, ok := languages[name]
	if !ok && cur.is(stringNode) {
		c.reportHint(cur, "unsupported.run.script.language", didYouMean(name, []string{"python", "js", "javascript"}),
			"script language %q is not supported by this version; it runs python and js", preview(name))
	}
	return language
}

// code is a script's text. It is never searched for expressions: only where
// the whole string is one does it compute the text, in every mode.
func (c *checker) code(cur cursor, scope expression.Scope) *expression.Template {
	return c.compile(cur, scope, func(tree any, scope expression.Scope, _ expression.Mode) (*expression.Template, error) {
		return expression.CompileTemplate(tree, scope, expression.Strict)
	})
}

func (c *checker) shell(shell cursor, scope expression.Scope, await bool, result Return) *RunShell {
	return &RunShell{
		Command:     c.text(shell.get("command"), scope),
		Stdin:       c.secretTemplate(shell.get("stdin"), scope.With(secretVariable)),
		Arguments:   c.secretTemplate(shell.get("arguments"), scope.With(secretVariable)),
		Environment: c.secretTemplate(shell.get("environment"), scope.With(secretVariable)),
		Await:       await,
		Return:      result,
	}
}

func (c *checker) subflow(workflow cursor, scope expression.Scope, await bool) *RunWorkflow {
	for _, part := range []string{"namespace", "name", "version"} {
		if cur := workflow.get(part); strings.Contains(cur.str(), "${") {
			c.report(cur, "run.workflow.dynamic", "%s of the workflow to run must be written out, not computed", part)
		}
	}
	return &RunWorkflow{
		Namespace: workflow.get("namespace").str(),
		Name:      workflow.get("name").str(),
		Version:   workflow.get("version").str(),
		Input:     c.template(workflow.get("input"), scope),
		Await:     await,
	}
}
