package sandbox_test

import (
	"slices"
	"time"
)

// samples are durations, each taken after a pause in which the runner prepares
// its next slot, as between the runs of a worker that is not saturated.
type samples []time.Duration

func (s *samples) time(f func()) {
	time.Sleep(30 * time.Millisecond)
	before := time.Now()
	f()
	*s = append(*s, time.Since(before))
}

// quantile is in milliseconds.
func (s samples) quantile(q float64) float64 {
	sorted := slices.Sorted(slices.Values(s))
	return float64(sorted[int(q*float64(len(sorted)-1))].Microseconds()) / 1000
}
