package definition

import "regexp"

// switchBody builds a switch; its default, wherever written, comes last.
func (c *checker) switchBody(cases cursor, near siblings, v vars) *Switch {
	body := &Switch{}
	var fallback *Case
	for _, e := range c.entries(cases) {
		built := Case{
			Name: e.name,
			When: c.expr(e.get("when"), v.definitionScope()),
			Then: c.then(e.get("then"), near),
		}
		switch {
		case e.get("when").exists():
			body.Cases = append(body.Cases, built)
		case fallback == nil:
			fallback = &built
		default:
			c.reportHint(e.cursor, "switch.default", "give all cases but one a when",
				"case %q is a second default; %q is one already", preview(e.name), preview(fallback.Name))
		}
	}
	if fallback != nil {
		body.Cases = append(body.Cases, *fallback)
	}
	return body
}

// forBody builds a loop. Its variables are bound in while and do alone.
func (c *checker) forBody(t cursor, v vars) *For {
	loop := t.get("for")
	each := c.variable(loop.get("each"), "item")
	at := c.variable(loop.get("at"), "index")
	if each == at {
		where := loop.get("at")
		if !where.exists() {
			where = loop.get("each")
		}
		c.report(where, "variable.duplicate", "each and at both name the variable %q", each)
	}
	inner := v.with(each, at)
	return &For{
		Each:  each,
		At:    at,
		In:    c.slot(loop.get("in"), v.definitionScope()),
		While: c.expr(t.get("while"), inner.definitionScope()),
		Do:    c.taskList(t.get("do"), inner),
	}
}

// variableForm is a variable as jq can name it.
var variableForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// reservedVars are bound by the language or by jq itself.
var reservedVars = append([]string{"ENV", "__loc__", "__prog_args", "secrets"}, outputVars...)

// variable is the name that a loop or a catch binds. A bad one is reported and
// the fallback taken, so that expressions which use the default still compile.
func (c *checker) variable(cur cursor, fallback string) string {
	name := cur.str()
	switch {
	case !cur.is(stringNode):
		return fallback
	case len(name) > 1 && name[0] == '$' && variableForm.MatchString(name[1:]):
		c.reportHint(cur, "variable.invalid", "write "+name[1:]+"; the $ belongs to expressions",
			"variable name %q begins with $", preview(name))
		return name[1:]
	case !variableForm.MatchString(name):
		c.report(cur, "variable.invalid", "variable name %q is not a letter followed by letters, digits and _", preview(name))
		return fallback
	case contains(reservedVars, name):
		c.report(cur, "variable.reserved", "variable name %q is taken by the language", name)
		return fallback
	default:
		return name
	}
}

// forkBody builds parallel branches.
func (c *checker) forkBody(fork cursor, v vars) *Fork {
	branches := fork.get("branches")
	if branches.is(arrayNode) && len(branches.items()) == 0 {
		c.report(branches, "fork.empty", "a fork needs at least one branch")
	}
	return &Fork{Branches: c.tasks(branches, v, true), Compete: fork.get("compete").flag(false)}
}
