package workflows

import (
	"maps"

	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/workflows/expression"
)

// mergeContext lays what a branch changed, compared with before, over merged.
func mergeContext(before, merged, after any) any {
	if expression.Equal(before, after) {
		return merged
	}
	was, ok1 := before.(map[string]any)
	into, ok2 := merged.(map[string]any)
	is, ok3 := after.(map[string]any)
	if !ok1 || !ok2 || !ok3 {
		return after
	}
	result := maps.Clone(into)
	for _, name := range workflow.DeterministicKeys(is) {
		old, had := was[name]
		if !had || !expression.Equal(old, is[name]) {
			result[name] = is[name]
		}
	}
	for _, name := range workflow.DeterministicKeys(was) {
		if _, kept := is[name]; !kept {
			delete(result, name)
		}
	}
	return result
}
