package definition

// resolve follows a reference by name into use; a value written in place is
// itself. It does not exist where the name is unknown.
func (c *checker) resolve(cur cursor, section, what string) cursor {
	if !cur.is(stringNode) {
		return cur
	}
	named := c.use.get(section)
	if found := named.get(cur.str()); found.exists() {
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
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}

// declare takes the names of use.secrets.
func (c *checker) declare(secrets cursor) {
	c.declared = map[string]bool{}
	for _, item := range secrets.items() {
		if item.is(stringNode) {
			c.secrets = append(c.secrets, item.str())
			c.declared[item.str()] = true
		}
	}
}

// checkUse checks the reusable parts themselves, used or not.
func (c *checker) checkUse() {
	scope := vars(nil).definitionScope()
	for _, name := range keys(c.use.get("timeouts")) {
		c.timeout(c.use.get("timeouts").get(name), scope)
	}
	for _, name := range keys(c.use.get("errors")) {
		c.raisedError(c.use.get("errors").get(name), scope)
	}
	c.checkUseSupport()
	c.checkAuthentications(c.use.get("functions"))
	c.checkAuthentications(c.use.get("catalogs"))
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
