package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// probe takes one sample of each of its rows at a time.
type probe struct {
	rows []string
	take func(context.Context) ([]time.Duration, error)
}

// timed is a probe of one row: how long act takes.
func timed(row string, act func(context.Context) error) probe {
	return probe{rows: []string{row}, take: func(ctx context.Context) ([]time.Duration, error) {
		begin := time.Now()
		err := act(ctx)
		return []time.Duration{time.Since(begin)}, err
	}}
}

// group is a comparison: rows are compared with those of the first probe, the
// first row with its first and so on.
type group struct {
	name   string
	probes []probe
	// pause between samples lets what a sample leaves to the background end, so
	// that the next one does not pay for it.
	pause time.Duration
	unit  string // of the figures; milliseconds when empty
	rows  []*row
}

// units is a sample that is no time, for a group with a unit of its own: as many
// milliseconds as it has of that.
func units(v float64) time.Duration { return time.Duration(v * float64(time.Millisecond)) }

// row holds a row's samples in milliseconds, or its group's unit, by round.
type row struct {
	name      string
	rounds    [][]float64
	reference *row // nil: it is one
}

// measure takes every probe's samples in rounds. Within a round the probes take
// turns, so that all see the same machine; the one that begins changes, so that
// none always follows the same other.
func (g *group) measure(ctx context.Context, rounds, samples int) error {
	for i, p := range g.probes {
		for j, name := range p.rows {
			r := &row{name: name, rounds: make([][]float64, rounds)}
			if i > 0 {
				r.reference = g.rows[j]
			}
			g.rows = append(g.rows, r)
		}
	}
	if err := g.turn(ctx, 0, -1); err != nil { // warm-up
		return err
	}
	for round := range rounds {
		for i := range samples {
			if err := g.turn(ctx, i, round); err != nil {
				return err
			}
		}
	}
	return nil
}

// turn takes one sample of every probe. A negative round keeps none of them.
func (g *group) turn(ctx context.Context, begin, round int) error {
	for i := range g.probes {
		at := (begin + i) % len(g.probes)
		took, err := g.probes[at].take(ctx)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("%s: %s: %w", g.name, g.probes[at].rows[0], err)
		}
		g.keep(at, round, took)
		time.Sleep(g.pause)
	}
	return nil
}

func (g *group) keep(at, round int, took []time.Duration) {
	if round < 0 {
		return
	}
	first := 0
	for _, p := range g.probes[:at] {
		first += len(p.rows)
	}
	for i, d := range took {
		r := g.rows[first+i]
		r.rounds[round] = append(r.rounds[round], float64(d)/float64(time.Millisecond))
	}
}

// quantile is the sample below which q of all samples lie.
func (r *row) quantile(q float64) float64 { return quantile(slices.Concat(r.rounds...), q) }

// ratio compares the medians over all rounds with the reference's; least and most
// are the same of single rounds, and say how much the comparison itself wavers.
func (r *row) ratio() (all, least, most float64) {
	var ratios []float64
	for i := range r.rounds {
		ratios = append(ratios, quantile(r.rounds[i], 0.5)/quantile(r.reference.rounds[i], 0.5))
	}
	return r.quantile(0.5) / r.reference.quantile(0.5), slices.Min(ratios), slices.Max(ratios)
}

func quantile(samples []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(samples))
	at := q * float64(len(sorted)-1)
	below := int(at)
	if below+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[below] + (at-float64(below))*(sorted[below+1]-sorted[below])
}
