package definition

import "slices"

// resolve follows a reference by name into use; a value written in place is
// itself. It does not exist where the name is unknown.
func (c *checker) resolve(cur cursor, section, what string) cursor {
	if !cur.is(stringNode) {
		return cur
	}
	named := c.use.get(section)
	if found := named.get(cur.str()); found.exists() {
		c.used[found.ref] = true
		return found
	}
	known := firstKeys(named, maxCompared)
	has := "has none"
	if len(known) > 0 {
		has = "has " + quotedSome(known, len(named.members()))
	}
	c.reportHint(cur, "reference.unknown", didYouMean(cur.str(), known),
		"unknown %s %q: use.%s %s", what, preview(cur.str()), section, has)
	return cursor{}
}

// keys are the keys of an object, in source order.
func keys(object cursor) []string { return firstKeys(object, len(object.members())) }

func firstKeys(object cursor, most int) []string {
	members := object.members()
	names := make([]string, min(len(members), most))
	for i := range names {
		names[i] = members[i].key
	}
	return names
}

func contains(names []string, name string) bool {
	return slices.Contains(names, name)
}

// declare takes the names of use.secrets.
func (c *checker) declare(secrets cursor) {
	for _, item := range secrets.items() {
		if item.is(stringNode) {
			c.secrets = append(c.secrets, item.str())
		}
	}
}

// checkUse checks the reusable parts that nothing refers to. The others are
// checked where they are used, with the variables that are bound there.
func (c *checker) checkUse() {
	scope := vars(nil).definitionScope()
	c.eachUnused("timeouts", func(part cursor) { c.timeout(part, scope) })
	c.eachUnused("errors", func(part cursor) { c.raisedError(part, scope) })
	c.eachUnused("retries", func(part cursor) { c.retry(part, vars{"error"}.definitionScope()) })
	c.eachUnused("authentications", func(part cursor) { c.authenticationPolicy(part, vars(nil).callScope()) })
	c.checkUseSupport()
	c.checkAuthentications(c.use.get("functions"))
	c.checkAuthentications(c.use.get("catalogs"))
	for _, section := range []string{"authentications", "functions", "catalogs"} {
		c.eachUnused(section, func(cursor) {})
	}
}

// eachUnused checks and tells the parts of a section that nothing refers to.
func (c *checker) eachUnused(section string, check func(part cursor)) {
	parts := c.use.get(section)
	for i := range parts.members() {
		m := &parts.node.members[i]
		if part := parts.member(m); !c.used[part.ref] {
			check(part)
			c.warn(part, "unused."+section, "", "use.%s: nothing refers to %q", section, preview(m.key))
		}
	}
}

// checkAuthentications checks every authentication that cur refers to by name.
func (c *checker) checkAuthentications(cur cursor) {
	if name := cur.get("authentication").get("use"); name.is(stringNode) {
		c.resolve(name, "authentications", "authentication policy")
	}
	for i := range cur.members() {
		c.checkAuthentications(cur.member(&cur.node.members[i]))
	}
	if cur.is(arrayNode) {
		for _, item := range cur.items() {
			c.checkAuthentications(item)
		}
	}
}
