package definition

// checkReachable warns about tasks that no flow of their list leads to.
func (c *checker) checkReachable(entries []entry, tasks TaskList) {
	seen := make([]bool, len(tasks))
	visit := []int{0}
	for len(visit) > 0 {
		i := visit[len(visit)-1]
		visit = visit[:len(visit)-1]
		if i >= len(tasks) || seen[i] {
			continue
		}
		seen[i] = true
		visit = append(visit, successors(tasks[i], i)...)
	}
	for i, reached := range seen {
		if !reached {
			c.warn(entries[i].cursor, "task.unreachable", "", "task %q is never reached", preview(tasks[i].Name))
		}
	}
}

// successors are the indexes that may follow the task at i.
func successors(t *Task, i int) []int {
	var next []int
	if t.If != nil {
		next = append(next, i+1)
	}
	switch body := t.Body.(type) {
	case *Switch:
		for _, one := range body.Cases {
			next = follow(next, one.Then, i)
		}
		if body.hasDefault() {
			return next
		}
	case *Try:
		if body.Catch.Then != nil {
			next = follow(next, *body.Catch.Then, i)
		}
	case *Raise:
		return next
	case *Do, *Set, *For, *Fork, *Wait, *RunScript, *RunShell, *Emit, *Listen, *Libvirt, *RunWorkflow, *CallFunction, *Call:
	}
	return follow(next, t.Then, i)
}

// hasDefault reports whether some case always wins.
func (s *Switch) hasDefault() bool {
	return len(s.Cases) > 0 && s.Cases[len(s.Cases)-1].When == nil
}

func follow(next []int, then Then, i int) []int {
	switch then.Directive {
	case Continue:
		return append(next, i+1)
	case Goto:
		return append(next, then.Target)
	default:
		return next
	}
}
