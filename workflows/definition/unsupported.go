package definition

// refuse reports what the DSL knows and this version does not run.
func (c *checker) refuse(cur cursor, rule, what string) {
	c.report(cur, "unsupported."+rule, "%s is not supported by this version", what)
}

// protocols are the calls that the DSL defines; any other names a function.
var protocols = map[string]bool{"http": true, "grpc": true, "openapi": true, "asyncapi": true, "a2a": true, "mcp": true}

// refuseKind refuses a task by its kind, such as call.http.
func (c *checker) refuseKind(t cursor, kind string) {
	cur := t.get(kind)
	if kind != "call" {
		c.refuse(cur, kind, kind)
		return
	}
	c.checkAuthentications(t.get("with"))
	c.refuse(cur, "call."+cur.str(), "call: "+cur.str())
}

// checkUseSupport says what of use this version does not apply.
func (c *checker) checkUseSupport() {
	c.checkUnusedSecrets()
}
