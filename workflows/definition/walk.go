package definition

// Walk visits every task in document order, a task before those inside it.
func (d *Definition) Walk(visit func(*Task)) { d.Do.walk(visit) }

func (list TaskList) walk(visit func(*Task)) {
	for _, t := range list {
		visit(t)
		for _, inner := range t.Lists() {
			inner.walk(visit)
		}
	}
}

// Lists are the task lists inside a task, in document order.
func (t *Task) Lists() []TaskList {
	switch body := t.Body.(type) {
	case *Do:
		return []TaskList{body.Tasks}
	case *For:
		return []TaskList{body.Do}
	case *Fork:
		return []TaskList{body.Branches}
	case *Try:
		return []TaskList{body.Tasks, body.Catch.Do}
	case *Set, *Switch, *Raise, *Wait, *RunScript, *RunShell, *RunWorkflow:
	}
	return nil
}
