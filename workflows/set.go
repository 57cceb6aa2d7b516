package workflows

import (
	"lazaret.dev/lazaret/workflows/definition"
	"lazaret.dev/lazaret/workflows/expression"
)

// runSet replaces the data: nothing of the input stays.
func runSet(t *definition.Task, body *definition.Set, u *underWay, env expression.Env) (any, error) {
	return evaluate(body.Value, u.Input, env, t.Reference)
}
