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
	c.checkSecrets(cur)
	e, err := expression.Compile(cur.str(), scope)
	if err != nil {
		c.syntaxError(cur, err)
		return nil
	}
	return e
}

// slot compiles input.from, output.as, export.as or for.in.
func (c *checker) slot(cur cursor, scope expression.Scope) *expression.Template {
	return c.compile(cur, func() (*expression.Template, error) {
		return expression.CompileSlot(cur.raw, scope, c.mode)
	})
}

// template compiles a value with expressions in it.
func (c *checker) template(cur cursor, scope expression.Scope) *expression.Template {
	return c.compile(cur, func() (*expression.Template, error) {
		return expression.CompileTemplate(cur.raw, scope, c.mode)
	})
}

// text compiles a string that may hold expressions anywhere.
func (c *checker) text(cur cursor, scope expression.Scope) *expression.Template {
	if !cur.is(stringNode) {
		return nil
	}
	return c.compile(cur, func() (*expression.Template, error) {
		return expression.CompileText(cur.str(), scope)
	})
}

func (c *checker) compile(cur cursor, compile func() (*expression.Template, error)) *expression.Template {
	if !cur.exists() {
		return nil
	}
	c.checkSecrets(cur)
	t, err := compile()
	if err != nil {
		c.syntaxError(cur, err)
		return nil
	}
	return t
}

// syntaxError reports every expression error of err at its place inside cur.
func (c *checker) syntaxError(cur cursor, err error) {
	for _, one := range unjoin(err) {
		var syntax *expression.SyntaxError
		if !errors.As(one, &syntax) {
			c.report(cur, "expression.invalid", "invalid expression: %s", one)
			continue
		}
		at := cur.walk(splitPointer(syntax.Path))
		at.at = at.valueAt()
		if at.is(stringNode) {
			at.at = c.source.locate(at.node, syntax.Offset)
		}
		c.report(at, "expression.invalid", "invalid expression: %s", syntax.Reason)
	}
}

// unjoin is the errors that a joined error holds, or the error itself.
func unjoin(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // the join itself is meant, not what it wraps
		return joined.Unwrap()
	}
	return []error{err}
}

// secretUse is a secret named in an expression.
var secretUse = regexp.MustCompile(`\$secrets\s*(?:\.\s*([A-Za-z_][A-Za-z0-9_]*)|\.?\s*(?:\[\s*)?"([^"\\]+)")`)

// checkSecrets warns where a string of cur reads a secret that use.secrets does
// not declare: reading it will fault. It is no error, for a catch may handle it.
func (c *checker) checkSecrets(cur cursor) {
	switch {
	case cur.is(stringNode):
		c.checkSecretsIn(cur)
	case cur.is(objectNode):
		for i := range cur.node.members {
			c.checkSecrets(cur.member(&cur.node.members[i]))
		}
	case cur.is(arrayNode):
		for _, item := range cur.items() {
			c.checkSecrets(item)
		}
	}
}

func (c *checker) checkSecretsIn(cur cursor) {
	if !strings.Contains(cur.str(), "$secrets") {
		return
	}
	declared := c.secrets()
	for _, match := range secretUse.FindAllStringSubmatchIndex(cur.str(), -1) {
		name := submatch(cur.str(), match, 1) + submatch(cur.str(), match, 2)
		if contains(declared, name) {
			continue
		}
		at := cur
		at.at = c.source.locate(cur.node, match[0])
		c.warn(at, "secret.undeclared", didYouMean(name, declared),
			"secret %q is not declared in use.secrets; reading it faults with an authorization error", preview(name))
	}
}

func submatch(s string, match []int, group int) string {
	if match[2*group] < 0 {
		return ""
	}
	return s[match[2*group]:match[2*group+1]]
}
