package definition

import (
	"strings"

	"lazaret.dev/lazaret/workflows/expression"
)

// build makes the typed definition of a tree. It also runs over a tree that
// the schema refused, to find in one go what else is wrong: what is missing or
// of the wrong type reads as empty.
func (c *checker) build(root cursor) *Definition {
	c.use = root.get("use")
	c.declare(c.use.get("secrets"))
	c.mode = c.evaluateMode(root.get("evaluate"))
	c.checkTopLevel(root)
	d := &Definition{
		Document: buildDocument(root.get("document")),
		Input:    c.input(root.get("input"), workflowInputScope),
		Output:   c.output(root.get("output"), workflowScope),
		Timeout:  c.timeout(root.get("timeout"), workflowScope),
		Secrets:  c.secrets,
		Mode:     c.mode,
		Raw:      root.object(),
	}
	d.Schedule = c.schedule(root.get("schedule"), root.get("document").get("metadata").get("schedule"))
	c.checkVersion(root.get("document").get("dsl"))
	c.checkSettings(root.get("document").get("metadata"))
	c.py = c.python(root.get("document").get("metadata"), Python{})
	c.namespace = d.Document.Namespace
	d.Do = c.taskList(root.get("do"), nil)
	d.StartOn = c.startOn(root.get("schedule"))
	d.Functions = c.allFunctions()
	d.Extensions = c.extensions()
	d.extend()
	c.checkUse()
	c.checkPlaintext(root)
	return d
}

// checkVersion refuses documents of a language that may mean something else.
func (c *checker) checkVersion(dsl cursor) {
	if major, _, _ := strings.Cut(dsl.str(), "."); dsl.is(stringNode) && major != "1" {
		c.reportHint(dsl, "unsupported.dsl", "this version runs DSL 1.x: 1.0.0 and its successors",
			"DSL version %q is not supported by this version", preview(dsl.str()))
	}
}

func buildDocument(doc cursor) Document {
	return Document{
		DSL:       doc.get("dsl").str(),
		Namespace: doc.get("namespace").str(),
		Name:      doc.get("name").str(),
		Version:   doc.get("version").str(),
		Title:     doc.get("title").str(),
		Summary:   doc.get("summary").str(),
		Tags:      doc.get("tags").object(),
		Metadata:  doc.get("metadata").object(),
	}
}

func (c *checker) evaluateMode(evaluate cursor) expression.Mode {
	if language := evaluate.get("language"); language.is(stringNode) && language.str() != "jq" {
		c.reportHint(language, "unsupported.expression-language", "use jq",
			"expression language %q is not supported by this version", preview(language.str()))
	}
	if evaluate.get("mode").str() == string(expression.Loose) {
		return expression.Loose
	}
	return expression.Strict
}

// topLevelKeys are the properties that a document has; the schema of the DSL lets
// others pass, which would do nothing. $schema is for editors.
var topLevelKeys = []string{"document", "input", "use", "do", "timeout", "output", "schedule", "evaluate", "$schema"}

func (c *checker) checkTopLevel(root cursor) {
	for i := range root.members() {
		m := &root.node.members[i]
		if contains(topLevelKeys, m.key) {
			continue
		}
		hint := didYouMean(m.key, topLevelKeys)
		switch {
		case hint != "":
		case schemaNode("/$defs/document").get("properties").get(m.key).exists():
			hint = "it stands below document"
		default:
			hint = "there are " + quotedList(topLevelKeys[:len(topLevelKeys)-1]) + "; what is for people goes below document.metadata"
		}
		c.reportHint(root.member(m), "document.unknown-key", hint, "unknown top-level property %q", preview(m.key))
	}
}

// input builds the input of a workflow or task.
func (c *checker) input(input cursor, scope expression.Scope) Input {
	return Input{Schema: c.schemaOf(input.get("schema")), From: c.slot(input.get("from"), scope)}
}

// output builds the output of a workflow or task.
func (c *checker) output(output cursor, scope expression.Scope) Output {
	return Output{As: c.slot(output.get("as"), scope), Schema: c.schemaOf(output.get("schema"))}
}

func (c *checker) export(export cursor, scope expression.Scope) Export {
	return Export{As: c.slot(export.get("as"), scope), Schema: c.schemaOf(export.get("schema"))}
}
