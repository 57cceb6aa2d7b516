package policies_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"lazaret.dev/lazaret/policies"
)

// happen counts events at a pace, and returns how many anomalies began.
func happen(a policies.Anomaly, r *policies.Rate, from time.Time, every, length time.Duration) (anomalies int) {
	for at := from; at.Before(from.Add(length)); at = at.Add(every) {
		var begins bool
		if *r, begins = a.Observe(*r, at); begins {
			anomalies++
		}
	}
	return anomalies
}

// TestAnomaly: a burst is one anomaly, a steady load none, however heavy; and what
// lasts becomes usual (A13).
func TestAnomaly(t *testing.T) {
	t.Parallel()
	a, start := policies.DefaultAnomaly(), time.Unix(1_700_000_000, 0)
	for name, every := range map[string]time.Duration{"quiet": 5 * time.Minute, "busy": 2 * time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r policies.Rate
			assert.Zero(t, happen(a, &r, start, every, 6*time.Hour), "a steady load")
			burst := every / 20
			at := start.Add(6 * time.Hour)
			assert.Equal(t, 1, happen(a, &r, at, burst, 25*time.Minute), "a burst over three windows")
			assert.Zero(t, happen(a, &r, at.Add(30*time.Minute), every, 3*time.Hour), "as before")
			assert.Equal(t, 1, happen(a, &r, at.Add(4*time.Hour), burst, 10*time.Minute), "another burst")
			assert.Zero(t, happen(a, &r, at.Add(30*time.Hour), every, 6*time.Hour), "after a quiet day")
		})
	}
	var r policies.Rate
	assert.Zero(t, happen(a, &r, start, time.Second, 20*time.Minute), "what is usual is not known yet")
	r = policies.Rate{}
	happen(a, &r, start, time.Minute, time.Hour)
	assert.Equal(t, 1, happen(a, &r, start.Add(time.Hour), 5*time.Second, 7*24*time.Hour), "a load that has come to stay")
	assert.Zero(t, happen(a, &r, start.Add(8*24*time.Hour), 5*time.Second, 24*time.Hour))
}

// TestAnomaly_Edges: few are no burst, the past is not counted, and it can be off.
func TestAnomaly_Edges(t *testing.T) {
	t.Parallel()
	a, start := policies.DefaultAnomaly(), time.Unix(1_700_000_000, 0)
	var r policies.Rate
	assert.Zero(t, happen(a, &r, start, 30*time.Minute, 6*time.Hour))
	assert.Zero(t, happen(a, &r, start.Add(6*time.Hour), time.Minute, time.Duration(a.Least-2)*time.Minute), "fewer than least")
	before := r
	late, begins := a.Observe(r, start)
	assert.False(t, begins)
	assert.Equal(t, before, late)
	a.Watch = false
	off, begins := a.Observe(r, start.Add(7*time.Hour))
	assert.False(t, begins)
	assert.Equal(t, policies.Rate{}, off)
}
