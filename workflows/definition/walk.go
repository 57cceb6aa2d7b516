package definition

// Walk visits every task, one before those inside it: the workflow's own in
// document order, then the functions and what extensions run.
func (d *Definition) Walk(visit func(*Task)) {
	for _, list := range d.Lists() {
		list.walk(visit)
	}
}

// Lists are the task lists of the definition in the order of Walk.
func (d *Definition) Lists() []TaskList {
	all := []TaskList{d.Do, d.Functions}
	for _, x := range d.Extensions {
		all = append(all, x.Before, x.After)
	}
	return all
}

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
	case *Listen:
		if body.Each != nil {
			return []TaskList{body.Each.Do}
		}
	case *Call:
		if body.Subscription != nil && body.Subscription.Each != nil {
			return []TaskList{body.Subscription.Each.Do}
		}
	case *Set, *Switch, *Raise, *Wait, *RunScript, *RunShell, *Emit, *Libvirt, *RunWorkflow, *CallFunction:
	}
	return nil
}
