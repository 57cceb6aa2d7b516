package definition

import (
	"errors"
	"regexp"
	"strings"

	"lazaret.dev/lazaret/workflows/expression"
)

// expr compiles a property that is itself an expression.
func (c *checker) expr(cur cursor, scope expression.Scope) *expression.Expression {
	if !cur.is(stringNode) {
		return nil
	}
	if !c.affordable(cur) {
		return nil
	}
	e, err := expression.Compile(cur.str(), scope)
	if err != nil {
		c.syntaxError(cur, err)
		return nil
	}
	if expression.Assigns(cur.str()) {
		c.warn(cur, "expression.assignment", "a comparison is written ==", "= assigns: what comes of it is the changed data, which counts as true")
	}
	return e
}

// slot compiles input.from, output.as, export.as or for.in.
func (c *checker) slot(cur cursor, scope expression.Scope) *expression.Template {
	return c.compile(cur, scope, expression.CompileSlot)
}

// template compiles a value with expressions in it.
func (c *checker) template(cur cursor, scope expression.Scope) *expression.Template {
	if c.mode == expression.Strict {
		eachString(cur, c.warnOfLiteral)
	}
	return c.compile(cur, scope, expression.CompileTemplate)
}

var (
	// opening is what begins an expression, and hardly anything else.
	opening = regexp.MustCompile(`\$\{[ .$]`)
	// foreign is a whole text that is an expression elsewhere: in templates, or without its braces.
	foreign = regexp.MustCompile(`^\s*(?:\{\{.*\}\}|\$(?:context|input|output|task|workflow|runtime|secrets|item|index|error)(?:[.[]\S*)?)\s*$`)
)

// warnOfLiteral says of a text that looks like an expression that it is none: its ${ is
// not closed, or is not all of the text.
func (c *checker) warnOfLiteral(leaf cursor) {
	text := leaf.str()
	begin := opening.FindStringIndex(text)
	if begin == nil {
		if foreign.MatchString(text) {
			c.warn(leaf, "expression.literal", "an expression is written ${ .name } or ${ $context.name }", "the text is taken as it is: it is no expression")
		}
		return
	}
	whole := strings.TrimSpace(text)
	if strings.HasPrefix(whole, "${") && strings.HasSuffix(whole, "}") {
		return
	}
	at := leaf
	at.at = c.source.locate(leaf.node, begin[0])
	if strings.Contains(text[begin[0]:], "}") {
		c.warn(at, "expression.literal", `an expression is all of the text: ${ "Hello \(.name)" }`,
			"the text is taken as it is: a part of it in ${ … } is no expression")
		return
	}
	c.warn(at, "expression.literal", `close it with }; a YAML value ends before " #", unless it stands in quotes`,
		"the text is taken as it is: its ${ is not closed")
}

// text compiles a string that may hold expressions anywhere.
func (c *checker) text(cur cursor, scope expression.Scope) *expression.Template {
	return c.compile(cur, scope, func(tree any, scope expression.Scope, _ expression.Mode) (*expression.Template, error) {
		text, _ := tree.(string)
		return expression.CompileText(text, scope)
	})
}

// compiler is one of the expression package's ways to compile a tree.
type compiler func(tree any, scope expression.Scope, mode expression.Mode) (*expression.Template, error)

func (c *checker) compile(cur cursor, scope expression.Scope, compile compiler) *expression.Template {
	if !cur.exists() || !c.affordable(cur) {
		return nil
	}
	t, err := compile(cur.raw, scope, c.mode)
	if err != nil {
		c.templateErrors(cur, scope, err)
		return nil
	}
	return t
}

// maxCompiled bounds the expressions of a document, in bytes. What stands in
// use counts for every task that refers to it.
const maxCompiled = 8 << 20

// affordable counts the text of cur towards maxCompiled, and reports where it
// is passed.
func (c *checker) affordable(cur cursor) bool {
	before := c.compiled
	eachString(cur, func(leaf cursor) { c.compiled += len(leaf.str()) })
	if c.compiled <= maxCompiled {
		return true
	}
	if before <= maxCompiled {
		c.report(cur, "expression.size", "more than %d bytes of expressions, counted for every reference to use", maxCompiled)
	}
	return false
}

// templateErrors reports every bad expression of a template: err is only the first.
func (c *checker) templateErrors(cur cursor, scope expression.Scope, err error) {
	if cur.is(stringNode) {
		c.syntaxError(cur, err)
		return
	}
	found := false
	eachString(cur, func(leaf cursor) {
		if _, err := expression.CompileTemplate(leaf.raw, scope, c.mode); err != nil {
			c.syntaxError(leaf, err)
			found = true
		}
	})
	if !found {
		c.syntaxError(cur, err)
	}
}

// eachString calls visit for every string of a tree, in source order.
func eachString(cur cursor, visit func(cursor)) {
	if cur.is(stringNode) {
		visit(cur)
		return
	}
	for i := range cur.members() {
		eachString(cur.member(&cur.node.members[i]), visit)
	}
	if cur.is(arrayNode) {
		for _, item := range cur.items() {
			eachString(item, visit)
		}
	}
}

// syntaxError reports an expression error at its place inside cur.
func (c *checker) syntaxError(cur cursor, err error) {
	var syntax *expression.SyntaxError
	if !errors.As(err, &syntax) {
		c.report(cur, "expression.invalid", "invalid expression: %s", err)
		return
	}
	at := cur.walk(splitPointer(syntax.Path))
	at.at = at.valueAt()
	hint := ""
	if at.is(stringNode) {
		at.at = c.source.locate(at.node, syntax.Offset)
		hint = expressionHint(at.str(), at.str()[min(syntax.Offset, len(at.str())):], syntax.Reason)
	}
	if strings.HasPrefix(syntax.Reason, `unknown variable "$secrets"`) {
		for _, member := range expression.Members(at.str(), secretVariable) {
			c.readSecrets[member.Name] = true // in vain; that it is unused would mislead
		}
		c.reportHint(at, "secret.place", "read it in a call's with, or in a script's environment, arguments or stdin",
			"$secrets cannot be read here, where the value would be recorded")
		return
	}
	c.reportHint(at, "expression.invalid", hint, "invalid expression: %s", syntax.Reason)
}
