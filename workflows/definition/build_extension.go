package definition

import "lazaret.dev/lazaret/workflows/expression"

// extensions builds use.extensions, in source order.
func (c *checker) extensions() []*Extension {
	var all []*Extension
	for _, item := range c.use.get("extensions").items() {
		for i := range item.members() {
			m := &item.node.members[i]
			all = append(all, c.extension(item.member(m), m.key))
		}
	}
	return all
}

func (c *checker) extension(cur cursor, name string) *Extension {
	return &Extension{
		Name:      name,
		Reference: cur.ref,
		Extend:    cur.get("extend").str(),
		When:      c.expr(cur.get("when"), expression.NewScope(taskInputVars...)),
		Before:    c.taskList(cur.get("before"), nil),
		After:     c.taskList(cur.get("after"), nil),
	}
}

// extend tells every task which extensions are around it. Tasks of extensions
// have none, so that none runs around itself.
func (d *Definition) extend() {
	if len(d.Extensions) == 0 {
		return
	}
	around := func(t *Task) {
		for _, x := range d.Extensions {
			if x.extends(t) {
				t.Extensions = append(t.Extensions, x)
			}
		}
	}
	d.Do.walk(around)
	d.Functions.walk(around)
}
