package expression

// Written is what stands in a template without being computed: the tree with null in
// the place of each expression, for whoever looks at a document before it runs. In
// loose mode a string that could be an expression counts as one.
func (t *Template) Written() any {
	if t == nil {
		return nil
	}
	return written(t.root)
}

func written(n node) any {
	switch n := n.(type) {
	case constant:
		return clone(n.value)
	case list:
		items := make([]any, len(n))
		for i, item := range n {
			items[i] = written(item)
		}
		return items
	case object:
		members := make(map[string]any, len(n.keys))
		for i, key := range n.keys {
			members[key] = written(n.values[i])
		}
		return members
	}
	return nil
}
