package definition

// refuse reports what the DSL knows and this version does not run.
func (c *checker) refuse(cur cursor, rule, what string) {
	c.report(cur, "unsupported."+rule, "%s is not supported by this version", what)
}

// protocols are the calls that the DSL defines; any other names a function.
var protocols = map[string]bool{"http": true, "grpc": true, "openapi": true, "asyncapi": true, "a2a": true, "mcp": true}

// refuseKind refuses a task by its kind: call.http, emit, listen.
func (c *checker) refuseKind(t cursor, kind string) {
	cur := t.get(kind)
	if kind != "call" {
		c.refuse(cur, kind, kind)
		return
	}
	c.checkAuthentications(t.get("with"))
	if name := cur.str(); protocols[name] {
		c.refuse(cur, "call."+name, "call: "+name)
		return
	}
	c.report(cur, "unsupported.call.function", "calling function %q is not supported by this version", preview(cur.str()))
}

// checkUseSupport says what of use this version does not apply.
func (c *checker) checkUseSupport() {
	for _, item := range c.use.get("extensions").items() {
		for i := range item.members() {
			m := &item.node.members[i]
			c.report(item.member(m), "unsupported.use.extensions", "extension %q is not supported by this version", preview(m.key))
		}
	}
	if cur := c.use.get("secrets"); len(cur.items()) > 0 {
		c.warn(cur, "unused.secrets", "", "use.secrets has no effect: this version reads no secret")
	}
	for _, section := range []string{"functions", "catalogs"} {
		if cur := c.use.get(section); len(cur.members()) > 0 {
			c.warn(cur, "unused."+section, "", "use.%s has no effect: this version runs no call", section)
		}
	}
}
