package environments

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/sandbox/egress"
)

//go:embed program/build.py
var program []byte

// The build sandbox. What it writes is memory: wheels in /tmp, installed files
// in /scratch.
const (
	buildLevel   = policies.Standard
	buildTime    = 15 * time.Minute
	buildMemory  = 2 << 30
	buildScratch = maxInstalled + 64<<20
)

// resolve lets pip choose, and gives what it chose as a lock.
func (e *Environments) resolve(ctx context.Context, python Python, asked []requirement) (Lock, error) {
	var lines strings.Builder
	for _, r := range asked {
		lines.WriteString(r.text + "\n")
	}
	output, err := e.run(ctx, python, "resolve", lines.String())
	if err != nil {
		return Lock{}, err
	}
	return ParseLock(string(output))
}

// install lets pip install the wheels of a lock, and gives the archive of what it installed.
func (e *Environments) install(ctx context.Context, python Python, lock Lock) ([]byte, error) {
	return e.run(ctx, python, "install", lock.String())
}

func (e *Environments) run(ctx context.Context, python Python, what, requirements string) ([]byte, error) {
	giveBack, err := e.pip.take(ctx)
	if err != nil {
		return nil, err
	}
	defer giveBack()
	spec, err := e.spec(python, what, requirements)
	if err != nil {
		return nil, err
	}
	result, err := e.Runner.Run(ctx, spec)
	if err != nil {
		return nil, fmt.Errorf("build sandbox: %w", err)
	}
	switch {
	case result.Outcome == sandbox.Completed:
		return result.Stdout, nil
	case result.Outcome == sandbox.Cancelled:
		return nil, context.Cause(ctx)
	case result.Outcome == sandbox.Failed && result.Code == 3:
		return nil, e.explain(python, result)
	case result.Outcome == sandbox.TimedOut:
		return nil, fault(Unreachable, "installing the packages took longer than %s", buildTime)
	case result.Outcome == sandbox.MemoryLimit:
		return nil, fault(Invalid, "the packages need more than the %d MiB in which they are installed", buildMemory>>20)
	}
	return nil, fmt.Errorf("build sandbox: outcome %s; stderr ends with: %s", result.Outcome, line(result.Stderr))
}

func (e *Environments) spec(python Python, what, requirements string) (sandbox.Spec, error) {
	spec, err := policies.SpecFor(buildLevel)
	if err != nil {
		return spec, err
	}
	wheel, err := pipWheel(python)
	if err != nil {
		return spec, err
	}
	host := sandbox.HostEnvironment()
	spec.Binds = append(host.Binds, python.binds()...)
	spec.Files = append(host.Files,
		sandbox.File{Path: "/lazaret/build.py", Content: program},
		sandbox.File{Path: "/lazaret/requirements.txt", Content: []byte(requirements)})
	spec.Env = []string{"PATH=/usr/bin:/bin", "HOME=/scratch", "LANG=C.UTF-8"}
	spec.Scratch, spec.Limits.Memory, spec.Limits.Wall = buildScratch, buildMemory, buildTime
	spec.Limits.Stdout = maxInstalled
	options, err := e.Index.open(&spec, buildLevel)
	spec.Argv = append([]string{python.Path, "-I", "-S", "-B", "-X", "utf8", "/lazaret/build.py", what, wheel}, options...)
	return spec, err
}

// pipWheel finds the pip that came with an interpreter, or the distribution's.
func pipWheel(python Python) (string, error) {
	prefix := filepath.Dir(filepath.Dir(python.Path))
	for _, folder := range []string{filepath.Join(prefix, "lib", "python"+python.Version, "ensurepip", "_bundled"), "/usr/share/python-wheels"} {
		found, _ := filepath.Glob(filepath.Join(folder, "pip-*-none-any.whl")) // the pattern is a good one
		if len(found) > 0 {
			slices.Sort(found)
			return found[len(found)-1], nil
		}
	}
	return "", fault(Refused, "pip is missing for %s; install it (apt-get install python3-pip-whl) on the worker's machine", python.Path)
}

// Pip is the wheel of pip by which packages are built for the interpreter. Its
// error is a *Fault that says what to install.
func (p Python) Pip() (string, error) { return pipWheel(p) }

func (p Python) binds() []string {
	if p.Prefix == "" {
		return nil
	}
	return []string{p.Prefix}
}

// problem is what the build program says went wrong: the word of a sandbox.
type problem struct {
	Problem string `json:"problem"`
	Package string `json:"package"`
	Detail  string `json:"detail"`
}

// explain makes of it what the author of a definition should know.
func (e *Environments) explain(python Python, result sandbox.Result) error {
	var p problem
	if err := json.Unmarshal(result.Stdout, &p); err != nil {
		return fmt.Errorf("build sandbox: its answer: %w", err)
	}
	name, detail := line([]byte(p.Package)), line([]byte(p.Detail))
	switch p.Problem {
	case "hash":
		return fault(Refused, "package %s of %s does not have the hash that its lock has", name, e.Index)
	case "compile":
		return fault(Invalid, "package %s has no wheel in %s and would have to be compiled; put a wheel of it there", name, e.Index)
	case "version":
		return fault(Invalid, "package %s is not in %s, which has %s", name, e.Index, detail)
	case "python":
		return fault(Invalid, "package %s has no wheel in %s for Python %s on this machine", name, e.Index, python.Version)
	case "missing":
		return fault(Invalid, "package %s is not in %s", name, e.Index)
	case "conflict":
		return fault(Invalid, "the packages ask for versions of one another that exclude each other: %s", detail)
	case "space":
		return fault(Invalid, "the packages are over the limit of %d MiB", maxInstalled>>20)
	case "wheel":
		return fault(Invalid, "package %s of %s is not a valid wheel: %s", name, e.Index, detail)
	case "unreachable":
		if told := unreached(result.Connections); told != "" {
			detail = told // by the worker, which made the connection
		}
		return fault(Unreachable, "package index %s is not reached: %s", e.Index, detail)
	}
	return fault(Invalid, "the packages cannot be installed from %s: %s", e.Index, detail)
}

// unreached is why the last connection that failed could not be made.
func unreached(connections []egress.Connection) string {
	for _, c := range slices.Backward(connections) {
		if c.Failure != "" {
			return c.Failure
		}
	}
	return ""
}

// line is the end of a sandbox's text, bounded and printable.
func line(text []byte) string {
	const most = 300
	if len(text) > most {
		text = text[len(text)-most:]
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, string(text)))
}
