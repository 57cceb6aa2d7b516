package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

const setDefinition = "testdata/definitions/set.yaml"

// cliSection measures whole processes, as a user of the command line sees them.
func cliSection(ctx context.Context, b *bench) ([]*group, error) {
	warm, err := b.runAgainstUp(ctx)
	if err != nil {
		return nil, err
	}
	cold := &group{name: "lazaret run set.yaml with no Temporal up, from the start of the process", probes: []probe{
		b.runAlone("state folder exists", func() string { return "again" }),
		b.runAlone("state folder is new", b.freshFolder()),
	}}
	return []*group{warm, cold}, cold.measure(ctx, b.rounds, max(b.effort/2, 1))
}

// runAgainstUp compares a run with a command that only starts and ends.
func (b *bench) runAgainstUp(ctx context.Context) (_ *group, err error) {
	u, err := startUp(ctx, b)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, u.stop()) }()
	g := &group{name: "lazaret run set.yaml with lazaret up running, whole process", probes: []probe{
		b.whole("lazaret version", "version", "version"),
		b.whole("lazaret validate set.yaml", "", "validate", setDefinition),
		b.whole("lazaret run set.yaml", "hello", "run", setDefinition, "--state-dir", u.dir()),
	}}
	return g, g.measure(ctx, b.rounds, 2*b.effort)
}

// whole is a probe of a process from start to end.
func (b *bench) whole(row, want string, args ...string) probe {
	return probe{rows: []string{row}, take: func(ctx context.Context) ([]time.Duration, error) {
		if want == "" { // prints nothing
			begin := time.Now()
			err := b.command(ctx, args...).Run()
			return []time.Duration{time.Since(begin)}, err
		}
		took, err := b.once(ctx, want, args...)
		if err != nil {
			return nil, err
		}
		return took[1:], nil
	}}
}

// runAlone is a probe of a run that brings its own Temporal.
func (b *bench) runAlone(what string, folder func() string) probe {
	return probe{
		rows: []string{what + ", to the result", what + ", to the end"},
		take: func(ctx context.Context) ([]time.Duration, error) {
			return b.once(ctx, "hello", "run", setDefinition, "--state-dir", filepath.Join(b.dir, folder()))
		},
	}
}

func (b *bench) freshFolder() func() string {
	n := 0
	return func() string { n++; return fmt.Sprint("new-", n) }
}
