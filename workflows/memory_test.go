package workflows_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/definition"
)

// TestFor_MemoryDoesNotGrow measures the heap after a loop that keeps nothing,
// while its execution still waits: what grows is the collection alone.
func TestFor_MemoryDoesNotGrow(t *testing.T) {
	small, large := heapAfterLoop(t, 1_000), heapAfterLoop(t, 50_000)
	const collection = 50_000 * 40 // an interface and a boxed number an item
	assert.Less(t, large-small, int64(collection+4<<20), "bytes after 1,000 and after 50,000 items")
}

func heapAfterLoop(t *testing.T, items int) int64 {
	t.Helper()
	document := fmt.Sprintf(`
document: {dsl: 1.0.3, namespace: test, name: memory, version: 1.0.0}
do:
  - loop:
      for: {each: n, in: '[range(%d)]'}
      do:
        - a: {set: {text: '${ "\($n)" * 100 }'}, export: {as: '{last: $n}'}}
        - b: {set: {length: '${ .text | length }'}}
  - nap: {wait: {minutes: 1}}
`, items)
	def, err := definition.Parse("definition.yaml", []byte(document))
	require.NoError(t, err)
	env := newEnvironment(0, time.Now())
	var heap int64
	env.RegisterDelayedCallback(func() {
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		heap = int64(stats.HeapAlloc)
	}, 30*time.Second)
	env.ExecuteWorkflow("test/memory", contract.Start{Definition: contract.Source{Document: document, Digest: def.Digest}})
	require.NoError(t, env.GetWorkflowError())
	require.NotZero(t, heap, "measured while the execution waited")
	return heap
}
