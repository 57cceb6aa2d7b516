package definition

import (
	"strings"

	"lazaret.dev/lazaret/workflows/expression"
)

// secretVariable is what holds the secrets that a definition declares. An
// expression that reads it is evaluated by the activity that needs the result,
// never by the workflow, whose data is recorded.
const secretVariable = "secrets"

// secretTemplate compiles a value whose expressions may read $secrets.
func (c *checker) secretTemplate(cur cursor, scope expression.Scope) *expression.Template {
	t := c.template(cur, scope)
	c.checkSecrets(cur, scope)
	return t
}

// strictTemplate is secretTemplate where nothing but ${ } is an expression, in
// either mode.
func (c *checker) strictTemplate(cur cursor, scope expression.Scope) *expression.Template {
	t := c.code(cur, scope)
	c.checkSecrets(cur, scope)
	return t
}

// checkSecrets holds what the expressions of cur read of $secrets against use.secrets.
func (c *checker) checkSecrets(cur cursor, scope expression.Scope) {
	eachString(cur, func(leaf cursor) {
		text := leaf.str()
		if !strings.Contains(text, "$"+secretVariable) {
			return
		}
		whole := strings.TrimSpace(text)
		if c.mode == expression.Strict && (!strings.HasPrefix(whole, "${") || !strings.HasSuffix(whole, "}")) {
			return
		}
		if _, err := expression.Compile(text, scope); err != nil {
			return // reported, or a text of loose mode
		}
		for _, member := range expression.Members(text, secretVariable) {
			at := leaf
			at.at = c.source.locate(leaf.node, member.Offset)
			if member.Name == "" {
				c.reportHint(at, "secret.dynamic", "write $secrets.NAME", "$secrets is read one secret at a time, by its name")
				continue
			}
			c.checkSecret(at, member.Name)
		}
	})
}

// checkSecret refuses a secret that the document does not declare.
func (c *checker) checkSecret(cur cursor, name string) {
	if contains(c.secrets, name) {
		c.readSecrets[name] = true
		return
	}
	has := "has none"
	if len(c.secrets) > 0 {
		has = "has " + quotedList(c.secrets)
	}
	c.reportHint(cur, "secret.undeclared", didYouMean(name, c.secrets[:min(len(c.secrets), maxCompared)]),
		"secret %q is not declared: use.secrets %s", preview(name), has)
}

// checkUnusedSecrets warns of what nothing reads.
func (c *checker) checkUnusedSecrets() {
	for _, item := range c.use.get("secrets").items() {
		if item.is(stringNode) && !c.readSecrets[item.str()] {
			c.warn(item, "unused.secrets", "", "nothing reads secret %q", preview(item.str()))
		}
	}
}
