package workflows

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/definition"
)

func TestMarkdown(t *testing.T) {
	def, err := definition.Parse("definition.yaml", []byte(`
document: {dsl: 1.0.3, namespace: test, name: details, version: 1.0.0}
do:
  - loop:
      for: {in: '[1, 2]'}
      do: [inner: {set: {a: 1}}]
  - last: {set: {a: 1}}
`))
	require.NoError(t, err)
	p := newProgress(def)
	loop, inner := def.Do[0], def.Do[0].Lists()[0][0]
	p.started(loop)
	p.item(loop, 2, 2)
	p.started(inner)
	p.started(inner)
	p.failed(inner, runtimeFault("", "x"))
	assert.Equal(t, "**test/details:1.0.0** running\n\n"+
		"- ▶ `loop` for, item 2 of 2\n"+
		"  - ✗ `inner` set, run 2\n"+
		"- · `last` set\n", p.markdown())
}

// TestMarkdown_Bounded: the UI refuses details of more than 20 kB.
func TestMarkdown_Bounded(t *testing.T) {
	var text strings.Builder
	text.WriteString("document: {dsl: 1.0.3, namespace: test, name: many, version: 1.0.0}\ndo:\n")
	for i := range 2000 {
		fmt.Fprintf(&text, "  - task%d: {set: {a: 1}}\n", i)
	}
	def, err := definition.Parse("definition.yaml", []byte(text.String()))
	require.NoError(t, err)
	p := newProgress(def)
	p.end(runtimeFault("", strings.Repeat("☃", 10_000)))
	details := p.markdown()
	assert.Less(t, len(details), 20_000)
	assert.Regexp(t, `and \d+ more tasks\n\z`, details)
}

// TestMarkdown_Safe: what a script wrote cannot become markup, nor can a task's name.
func TestMarkdown_Safe(t *testing.T) {
	p := &progress{
		definition: "test/safe:1.0.0",
		approvals:  func() []contract.Approvable { return nil },
		tasks:      []contract.TaskState{{Name: "a` **b** `c", Kind: "set", Status: pending}},
	}
	p.end(&contract.Fault{
		Type: contract.RuntimeError, Status: 500, Title: "T",
		Detail: "a\n# heading\r<img src=x> [link](javascript:x) `code` **bold** \\[link](javascript:x)",
	})
	assert.Equal(t, "**test/safe:1.0.0** faulted\n\n"+
		`> T: a # heading &lt;img src=x> \[link](javascript:x) 'code' \*\*bold\*\* \\\[link](javascript:x)`+"\n\n"+
		"- · `a' **b** 'c` set\n", p.markdown())
}
