package sandbox_test

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// BenchmarkStart alternates a bare interpreter with a sandboxed one, so that both
// see the same machine, and reports their medians.
func BenchmarkStart(b *testing.B) {
	r := newRunner(b)
	for _, level := range []policies.Level{policies.Maximum, policies.Standard} {
		b.Run(level.String(), func(b *testing.B) {
			s := python(b, level, "pass")
			var bare, boxed samples
			for b.Loop() {
				bare.time(func() { require.NoError(b, exec.CommandContext(b.Context(), s.Argv[0], s.Argv[1:]...).Run()) })
				boxed.time(func() {
					result, err := r.Run(b.Context(), s)
					require.NoError(b, err)
					require.Equal(b, sandbox.Completed, result.Outcome)
				})
			}
			b.ReportMetric(bare.quantile(0.5), "bare-ms")
			b.ReportMetric(boxed.quantile(0.5), "boxed-ms")
			b.ReportMetric(bare.quantile(0.1), "bare-p10-ms")
			b.ReportMetric(boxed.quantile(0.1), "boxed-p10-ms")
			b.ReportMetric(0, "ns/op")
		})
	}
}
