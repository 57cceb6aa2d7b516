package worker

import (
	"context"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// soak, set to a number such as 100000, is how many iterations TestLongLoop has.
const soak = "LAZARET_SOAK"

// longLoop counts its iterations and runs a script each thousandth.
const longLoop = `
document: {dsl: 1.0.3, namespace: soak, name: long-loop, version: 1.0.0}
do:
  - count:
      input: {from: '{n: 0, scripts: 0, total: .total}'}
      for: {each: i, in: '[range(.total)]'}
      do:
        - add: {set: '${ . + {n: (.n + 1)} }'}
        - script:
            if: $i % 1000 == 0
            run: {script: {language: python, arguments: {n: '${ .scripts }'}, code: 'print(n + 1, end="")'}}
            output: {as: '$input + {scripts: (. | tonumber)}'}
`

// TestLongLoop runs a loop that no single run could hold: it continues as new,
// with every iteration and every script once. LAZARET_SOAK=100000 takes minutes.
func TestLongLoop(t *testing.T) {
	if testing.Short() {
		t.Skip("thousands of iterations")
	}
	total := 5000
	if text := os.Getenv(soak); text != "" {
		var err error
		total, err = strconv.Atoi(text)
		require.NoError(t, err, soak)
	} else {
		t.Parallel()
	}
	s := temporalSession(t)
	begun := time.Now()
	run, err := s.begin(t.Context(), document(t, longLoop, `{"total": `+strconv.Itoa(total)+`}`), "")
	require.NoError(t, err)
	first := run.GetRunID() // run goes on to the later ones
	output, err := follow(context.WithoutCancel(t.Context()), s.Client, run, nil)
	require.NoError(t, err)
	scripts := (total + 999) / 1000
	assert.JSONEq(t, `{"n": `+strconv.Itoa(total)+`, "scripts": `+strconv.Itoa(scripts)+`, "total": `+strconv.Itoa(total)+`}`, string(output))

	runs, events, activities := countRuns(t, s, run.GetID(), first)
	assert.Equal(t, scripts, activities, "each script once")
	t.Logf("%d iterations, %d scripts: %d runs, %d events, %s", total, scripts, runs, events, time.Since(begun).Round(time.Millisecond))
	assert.Less(t, events, runs*10_240, "no run is longer than Temporal warns of")
	if total >= 100_000 {
		assert.Greater(t, runs, 1)
	}
}

// countRuns follows an execution through the runs that continue it.
func countRuns(t *testing.T, s *session, id, run string) (runs, events, activities int) {
	t.Helper()
	for run != "" {
		history := historyEvents(t, s, id, run)
		runs, events, run = runs+1, events+len(history), ""
		for _, event := range history {
			if event.GetActivityTaskScheduledEventAttributes() != nil {
				activities++
			}
			if next := event.GetWorkflowExecutionContinuedAsNewEventAttributes(); next != nil {
				run = next.GetNewExecutionRunId()
			}
		}
	}
	return runs, events, activities
}
