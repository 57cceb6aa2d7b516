package definition

import "strings"

// older reports a document that says itself that it is of the language before 1.0.
// It says that alone: what else such a document is held to would not help.
func (c *checker) older(root cursor) bool {
	dsl := root.get("document").get("dsl")
	if !dsl.is(stringNode) && !dsl.is(numberNode) || !strings.HasPrefix(dsl.node.text, "0.") {
		return false
	}
	c.reportHint(dsl, "unsupported.dsl", "write document.dsl: '1.0.3', if its tasks stand below do; the language before 1.0, which had states, is another one, and not run",
		"DSL version %q is not supported by this version", preview(dsl.node.text))
	return true
}
