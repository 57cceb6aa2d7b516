// Command benchmark compares lazaret with what a user would take instead, side
// by side in one run. scripts/bench builds and runs it; docs/performance.md says
// how to read its figures.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"lazaret.dev/lazaret/activities"
	"lazaret.dev/lazaret/sandbox"
)

func main() {
	sandbox.MaybeInit()
	activities.MaybeLibvirt()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is what every section is given.
type bench struct {
	lazaret string // the product's binary
	dir     string // where the section may write; removed at the end
	rounds  int
	effort  int // scales the samples of a round; 1 is a smoke test
}

// section measures one part of the product.
type section func(context.Context, *bench) ([]*group, error)

var sections = map[string]section{
	"workflow": workflowSection, "sandbox": sandboxSection, "libvirt": libvirtSection, "cli": cliSection, "quarantine": quarantineSection,
}

// sectionOrder goes from one process to many: what a section leaves behind in the
// caches helps the next one least.
var sectionOrder = []string{"cli", "sandbox", "libvirt", "workflow", "quarantine"}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("benchmark", flag.ContinueOnError)
	lazaret := flags.String("lazaret", "bin/lazaret", "the binary to measure")
	quick := flags.Bool("quick", false, "few samples")
	asJSON := flags.Bool("json", false, "print JSON")
	if err := flags.Parse(args); err != nil {
		return err
	}
	chosen, err := chosenSections(flags.Args())
	if err != nil {
		return err
	}
	binary, err := filepath.Abs(*lazaret)
	if err != nil {
		return err
	}
	b := &bench{lazaret: binary, rounds: 5, effort: 6}
	if *quick {
		b.rounds, b.effort = 3, 1
	}
	report, err := measureSections(ctx, b, chosen)
	if err != nil {
		return err
	}
	if *asJSON {
		return report.writeJSON(out)
	}
	return report.writeText(out)
}

func chosenSections(names []string) ([]string, error) {
	for _, name := range names {
		if sections[name] == nil {
			return nil, fmt.Errorf("unknown section %q; there are %s", name, strings.Join(sectionOrder, ", "))
		}
	}
	if len(names) == 0 {
		return sectionOrder, nil
	}
	chosen := slices.Clone(sectionOrder)
	return slices.DeleteFunc(chosen, func(name string) bool { return !slices.Contains(names, name) }), nil
}

func measureSections(ctx context.Context, b *bench, names []string) (_ *report, err error) {
	if b.dir, err = os.MkdirTemp("", "lazaret-bench-"); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	r := newReport(ctx, b)
	for _, name := range names {
		fmt.Fprintln(os.Stderr, "==> measuring", name)
		groups, err := sections[name](ctx, b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for _, g := range groups {
			r.add(name, g)
		}
	}
	r.finish()
	return r, nil
}
