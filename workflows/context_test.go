package workflows

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

type object = map[string]any

func TestMergeContexts(t *testing.T) {
	for _, tt := range []struct {
		name   string
		before any
		after  []any // the branches'
		want   any
	}{
		{"nothing changed", object{"a": 1}, []any{object{"a": 1}, object{"a": 1}}, object{"a": 1}},
		{"different members", object{}, []any{object{"a": 1}, object{"b": 2}}, object{"a": 1, "b": 2}},
		{"the later branch is last", object{"a": 0}, []any{object{"a": 1}, object{"a": 2}}, object{"a": 2}},
		{"an unchanged member does not undo a change", object{"a": 0}, []any{object{"a": 1}, object{"a": 0}}, object{"a": 1}},
		{"a removed member", object{"a": 0, "b": 0}, []any{object{"a": 0}, object{"a": 0, "b": 0}}, object{"a": 0}},
		{"null is a value", object{"a": 0}, []any{object{"a": nil}, object{"a": 0}}, object{"a": nil}},
		{"members are replaced whole", object{"a": object{"x": 1}}, []any{object{"a": object{"y": 2}}}, object{"a": object{"y": 2}}},
		{"another type replaces all", object{"a": 0}, []any{object{"a": 1}, []any{1}}, []any{1}},
		{"an object after another type", object{}, []any{7, object{"b": 1}}, object{"b": 1}},
		{"equal numbers of different types are no change", object{"a": 1}, []any{object{"a": 1.0, "b": 1}}, object{"a": 1, "b": 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var branches []*branch
			for _, after := range tt.after {
				branches = append(branches, &branch{Line: line{Context: after}})
			}
			assert.Equal(t, tt.want, mergeContexts(tt.before, branches))
		})
	}
}

func TestMergeContext_ChangesNoArgument(t *testing.T) {
	before, merged, after := object{"a": 1, "b": 1}, object{"a": 1, "b": 1}, object{"c": 1}
	mergeContext(before, merged, after)
	assert.Equal(t, object{"a": 1, "b": 1}, before)
	assert.Equal(t, object{"a": 1, "b": 1}, merged)
	assert.Equal(t, object{"c": 1}, after)
}
