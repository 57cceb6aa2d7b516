//go:build !nodevserver

package devserver_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"lazaret.dev/lazaret/worker/install"
)

// BenchmarkOneActivity runs workflows of one activity, one after another.
func BenchmarkOneActivity(b *testing.B) {
	c := dial(b, sharedInstall, shared, install.Worker)
	serve(b, c, "bench")
	var took []time.Duration
	for b.Loop() {
		begin := time.Now()
		run, err := c.ExecuteWorkflow(b.Context(), client.StartWorkflowOptions{TaskQueue: "bench"}, greetWorkflow, "you")
		require.NoError(b, err)
		require.NoError(b, run.Get(b.Context(), nil))
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}
