package sandbox_test

import (
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// gets prints the median of many requests, in milliseconds.
const gets = `
import time, urllib.request
def one(url):
    began = time.perf_counter(); urllib.request.urlopen(url).read(); return time.perf_counter() - began
def median(url):
    return sorted(one(url) for i in range(200))[100] * 1000
`

// BenchmarkNetwork compares a request through the worker with a direct one, and
// the start of a program with a network with that of one without.
func BenchmarkNetwork(b *testing.B) {
	r, n := newRunner(b), newInternet(b)
	b.Run("get", func(b *testing.B) {
		var direct, proxied, transparent []float64
		for b.Loop() {
			out, err := exec.CommandContext(b.Context(), "/usr/bin/python3", "-I", "-S", "-c", gets+`print(median("http://`+n.address.String()+`/"))`).Output()
			require.NoError(b, err)
			direct = append(direct, number(b, string(out)))
			for begin, into := range map[string]*[]float64{withProxy: &proxied, noProxy: &transparent} {
				s := n.spec(b, policies.Standard, begin+gets+`print(median("http://api.example.com/"))`, "api.example.com")
				result, err := r.Run(b.Context(), s)
				require.NoError(b, err)
				require.Equal(b, sandbox.Completed, result.Outcome, "%s", result.Stderr)
				*into = append(*into, number(b, string(result.Stdout)))
			}
		}
		b.ReportMetric(middle(direct), "direct-ms")
		b.ReportMetric(middle(proxied), "proxy-ms")
		b.ReportMetric(middle(transparent), "transparent-ms")
		b.ReportMetric(0, "ns/op")
	})
	b.Run("start", func(b *testing.B) {
		var none, proxied, transparent samples
		specs := map[*samples]sandbox.Spec{
			&none:        python(b, policies.Standard, "pass"),
			&transparent: n.spec(b, policies.Standard, "pass", "api.example.com"),
			&proxied:     n.spec(b, policies.Strict, "pass", "api.example.com"),
		}
		for b.Loop() {
			for into, s := range specs {
				into.time(func() {
					result, err := r.Run(b.Context(), s)
					require.NoError(b, err)
					require.Equal(b, sandbox.Completed, result.Outcome)
				})
			}
		}
		b.ReportMetric(none.quantile(0.5), "none-ms")
		b.ReportMetric(proxied.quantile(0.5), "proxy-ms")
		b.ReportMetric(transparent.quantile(0.5), "transparent-ms")
		b.ReportMetric(none.quantile(0.1), "none-p10-ms")
		b.ReportMetric(proxied.quantile(0.1), "proxy-p10-ms")
		b.ReportMetric(transparent.quantile(0.1), "transparent-p10-ms")
		b.ReportMetric(0, "ns/op")
	})
}

func number(tb testing.TB, text string) float64 {
	tb.Helper()
	v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	require.NoError(tb, err)
	return v
}

func middle(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}
