package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// report is one run's figures. Times are in milliseconds.
type report struct {
	Date    time.Time `json:"date"`
	Product string    `json:"product"` // version and commit
	Machine machine   `json:"machine"`
	Rounds  int       `json:"rounds"`
	Groups  []figures `json:"groups"`
}

type machine struct {
	Processors int    `json:"processors"`
	Kernel     string `json:"kernel"`
	Go         string `json:"go"`
	LoadBefore string `json:"loadBefore"` // averages of 1, 5 and 15 minutes
	LoadAfter  string `json:"loadAfter"`
}

type figures struct {
	Section string   `json:"section"`
	Name    string   `json:"name"`
	Unit    string   `json:"unit,omitempty"` // of all figures, when they are not milliseconds
	Rows    []figure `json:"rows"`
}

// figure is a row.
type figure struct {
	Name       string      `json:"name"`
	N          int         `json:"n"`
	Median     float64     `json:"medianMs"`
	P10        float64     `json:"p10Ms"`
	P90        float64     `json:"p90Ms"`
	Comparison *comparison `json:"comparison,omitempty"` // nil: others are compared with it
}

// comparison is how a row's median stands to its reference's.
type comparison struct {
	Reference string  `json:"reference"`
	Added     float64 `json:"addedMs"`
	Ratio     float64 `json:"ratio"`
	Least     float64 `json:"leastRatio"` // of a single round
	Most      float64 `json:"mostRatio"`
}

func newReport(ctx context.Context, b *bench) *report {
	return &report{
		Date:    time.Now().UTC().Truncate(time.Second),
		Product: productVersion(ctx, b.lazaret),
		Rounds:  b.rounds,
		Machine: machine{Processors: runtime.NumCPU(), Kernel: kernel(), Go: runtime.Version(), LoadBefore: load()},
	}
}

func (r *report) finish() { r.Machine.LoadAfter = load() }

func (r *report) add(section string, g *group) {
	f := figures{Section: section, Name: g.name, Unit: g.unit}
	for _, row := range g.rows {
		f.Rows = append(f.Rows, newFigure(row))
	}
	r.Groups = append(r.Groups, f)
}

func newFigure(r *row) figure {
	n := 0
	for _, round := range r.rounds {
		n += len(round)
	}
	f := figure{Name: r.name, N: n, Median: round(r.quantile(0.5)), P10: round(r.quantile(0.1)), P90: round(r.quantile(0.9))}
	if r.reference != nil {
		all, least, most := r.ratio()
		f.Comparison = &comparison{
			Reference: r.reference.name, Added: round(r.quantile(0.5) - r.reference.quantile(0.5)),
			Ratio: round(all), Least: round(least), Most: round(most),
		}
	}
	return f
}

// round keeps what a stopwatch on a shared machine can tell.
func round(v float64) float64 { return math.Round(v*100) / 100 }

func (r *report) writeJSON(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

func (r *report) writeText(out io.Writer) error {
	var b bytes.Buffer
	m := r.Machine
	fmt.Fprintf(&b, "%s, %s\n", r.Product, r.Date.Format(time.RFC3339))
	fmt.Fprintf(&b, "%d processors, Linux %s, %s, load %s before and %s after, %d rounds\n",
		m.Processors, m.Kernel, m.Go, m.LoadBefore, m.LoadAfter, r.Rounds)
	for _, g := range r.Groups {
		g.writeText(&b)
	}
	_, err := out.Write(b.Bytes())
	return err
}

func (g figures) writeText(b *bytes.Buffer) {
	width := 0
	for _, f := range g.Rows {
		width = max(width, len(f.Name))
	}
	fmt.Fprintf(b, "\n%s: %s\n", g.Section, g.Name)
	unit := cmp.Or(g.Unit, "ms")
	fmt.Fprintf(b, "%-*s %5s %10s %8s %8s %9s %6s  %s\n", width, "", "n", "median "+unit, "p10", "p90", "added "+unit, "ratio", "by round")
	for _, f := range g.Rows {
		fmt.Fprintf(b, "%-*s %5d %10.1f %8.1f %8.1f", width, f.Name, f.N, f.Median, f.P10, f.P90)
		if c := f.Comparison; c != nil {
			fmt.Fprintf(b, " %+9.1f %6.2f  %.2f–%.2f", c.Added, c.Ratio, c.Least, c.Most)
		}
		fmt.Fprintln(b)
	}
}

func productVersion(ctx context.Context, binary string) string {
	var v struct {
		Version string `json:"version"`
		Commit  string `json:"commit"`
	}
	out, err := exec.CommandContext(ctx, binary, "version").Output()
	if err != nil || json.Unmarshal(out, &v) != nil {
		return "lazaret of unknown version"
	}
	return fmt.Sprintf("lazaret %s (%s)", v.Version, v.Commit)
}

func kernel() string {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(name.Release[:])
}

func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 3 {
		return "unknown"
	}
	return strings.Join(fields[:3], " ")
}
