package workflows

import (
	"lazaret.dev/lazaret/workflows/definition"
	"lazaret.dev/lazaret/workflows/expression"
)

// runSwitch goes where the first true case says; the default, a case without
// when, is the last resort wherever it stands. With neither, the task's own then holds.
func runSwitch(t *definition.Task, body *definition.Switch, u *underWay, env expression.Env) (definition.Then, error) {
	fallback := t.Then
	for _, c := range body.Cases {
		if c.When == nil {
			fallback = c.Then
			continue
		}
		matches, err := holds(c.When, u.Input, env, t.Reference)
		if err != nil {
			return definition.Then{}, err
		}
		if matches {
			return c.Then, nil
		}
	}
	return fallback, nil
}
