package worker

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.yaml.in/yaml/v3"

	"lazaret.dev/lazaret/workflows/definition"
)

// exampleRun is one run of testdata/examples.yaml, which says what its fields mean.
type exampleRun struct {
	Start, Why, Library string
	Input, Output, Has  any
	Error               map[string]any
	Events, History     []string
	Runs                map[string]int
}

// TestSpecificationExamples runs every example of the specification that this
// version accepts, unchanged, and compares what becomes of it.
func TestSpecificationExamples(t *testing.T) {
	t.Parallel()
	dir := specDir(t)
	text, err := os.ReadFile("testdata/examples.yaml")
	require.NoError(t, err)
	var table map[string][]exampleRun
	require.NoError(t, yaml.Unmarshal(text, &table))
	files, err := filepath.Glob(filepath.Join(dir, "examples", "*.yaml"))
	require.NoError(t, err)
	require.Len(t, files, 68)
	s := temporalSession(t)
	var heard []func(t *testing.T) // of one name, so one after the other
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		document, err := os.ReadFile(file)
		require.NoError(t, err)
		if _, refused := definition.Parse(name, document); refused != nil {
			assert.Empty(t, table[name], "%s is refused", name)
			continue
		}
		assert.NotEmpty(t, table[name], "%s is accepted: say what becomes of it", name)
		for _, run := range table[name] {
			each := func(t *testing.T) { run.check(t, s, string(document)) } //nolint:thelper // it is the subtest
			if len(run.Events) > 0 {
				heard = append(heard, func(t *testing.T) { t.Run(name, each) }) //nolint:thelper // it runs one
				continue
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				each(t)
			})
		}
		delete(table, name)
	}
	assert.Empty(t, table, "no such examples")
	t.Run("events", func(t *testing.T) {
		t.Parallel()
		for _, run := range heard {
			run(t)
		}
	})
}

func (r exampleRun) check(t *testing.T, s *session, document string) {
	t.Helper()
	c := &testCase{definition: document, events: r.Events, startedBy: r.Start, wantHistory: r.History, input: jsonOf(t, r.Input)}
	if r.Library != "" {
		c.library = []string{r.Library}
	}
	switch {
	case r.Error != nil:
		c.wantError = jsonOf(t, r.Error)
	case r.Has == nil:
		c.want = jsonOf(t, r.Output)
	}
	def, err := definition.Parse("definition.yaml", []byte(document))
	require.NoError(t, err)
	run := c.begin(t, s, def)
	if r.Runs != nil {
		r.checkEndless(t, s, run)
		return
	}
	output, err := follow(t.Context(), s.Client, run, nil)
	if r.Has != nil {
		require.NoError(t, err)
		requireHas(t, jsonOf(t, r.Has), output)
	} else {
		c.compare(t, output, err)
	}
	c.compareHistory(t, s, run.GetID(), run.GetRunID())
}

// checkEndless waits until tasks have run, and cancels.
func (r exampleRun) checkEndless(t *testing.T, s *session, run client.WorkflowRun) {
	t.Helper()
	for name, count := range r.Runs {
		pollUntil(t, name+" has run", func() bool {
			state, err := s.state(t.Context(), run.GetID())
			return err == nil && task(state, name).Runs == count && task(state, name).Status == "completed"
		})
	}
	require.NoError(t, s.CancelWorkflow(t.Context(), run.GetID(), ""))
	_, err := follow(t.Context(), s.Client, run, nil)
	var exit *exitError
	require.ErrorAs(t, err, &exit)
	assert.Equal(t, exitCancelled, exit.code)
}

func jsonOf(t *testing.T, value any) json.RawMessage {
	t.Helper()
	data, err := json.Marshal(value)
	require.NoError(t, err)
	return data
}

// requireHas compares the members that want has, at any depth.
func requireHas(t *testing.T, want, got json.RawMessage) {
	t.Helper()
	var w, g any
	require.NoError(t, json.Unmarshal(want, &w))
	require.NoError(t, json.Unmarshal(got, &g))
	require.Equal(t, w, common(w, g), "%s", got)
}

// common is what got has of the members of want.
func common(want, got any) any {
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			return got
		}
		same := map[string]any{}
		for name, value := range want {
			if member, has := object[name]; has {
				same[name] = common(value, member)
			}
		}
		return same
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			return got
		}
		same := make([]any, len(list))
		for i := range list {
			same[i] = common(want[i], list[i])
		}
		return same
	}
	return got
}
