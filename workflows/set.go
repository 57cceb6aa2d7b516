package workflows

import (
	"lazaret.dev/lazaret/workflows/definition"
	"lazaret.dev/lazaret/workflows/expression"
)

// runSet replaces the data: nothing of the input stays.
func runSet(t *definition.Task, body *definition.Set, u *underWay, env expression.Env) (any, error) {
	value, alone, err := body.Value.EvaluateAgain(u.Input, env, u.worn)
	u.worn, u.alone = nil, alone
	if err != nil {
		return nil, expressionFault(t.Reference, err)
	}
	return value, nil
}

// replaces tells of a list that all it does is to replace the data: nothing in it keeps
// what was there before.
func replaces(list definition.TaskList) bool {
	if len(list) != 1 {
		return false
	}
	t := list[0]
	_, sets := t.Body.(*definition.Set)
	return sets && t.If == nil && t.Output.As == nil && t.Export.As == nil && len(t.Extensions) == 0
}
