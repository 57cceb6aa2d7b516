package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestQuantile(t *testing.T) {
	t.Parallel()
	samples := []float64{5, 1, 4, 2, 3}
	require.InDelta(t, 3, quantile(samples, 0.5), 1e-9)
	require.InDelta(t, 1.4, quantile(samples, 0.1), 1e-9)
	require.InDelta(t, 5, quantile(samples, 1), 1e-9)
	require.InDelta(t, 7, quantile([]float64{7}, 0.9), 1e-9)
}

func TestGroup_MeasureInterleaves(t *testing.T) {
	t.Parallel()
	var order string
	probeOf := func(name string, took time.Duration) probe {
		return probe{rows: []string{name}, take: func(context.Context) ([]time.Duration, error) {
			order += name
			return []time.Duration{took}, nil
		}}
	}
	g := &group{name: "g", probes: []probe{probeOf("a", 2*time.Millisecond), probeOf("b", 3*time.Millisecond)}}
	require.NoError(t, g.measure(t.Context(), 2, 2))
	require.Equal(t, "ab"+"abba"+"abba", order)
	require.Equal(t, [][]float64{{3, 3}, {3, 3}}, g.rows[1].rounds)
	all, least, most := g.rows[1].ratio()
	require.Nil(t, g.rows[0].reference)
	require.Equal(t, [3]float64{1.5, 1.5, 1.5}, [3]float64{all, least, most})
}

func TestGroup_MeasureNamesWhatFailed(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	g := &group{name: "g", probes: []probe{timed("a", func(context.Context) error { return broken })}}
	err := g.measure(t.Context(), 1, 1)
	require.ErrorIs(t, err, broken)
	require.EqualError(t, err, "g: a: broken")
}
