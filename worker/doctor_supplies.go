package worker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"lazaret.dev/lazaret/activities"
	"lazaret.dev/lazaret/activities/checker"
	"lazaret.dev/lazaret/activities/environments"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// supplyDiagnoses look for what scripts need beyond the sandbox. None makes the
// machine unfit: a worker need not run every kind of task.
func supplyDiagnoses(ctx context.Context, supplies activities.Supplies, permitted policies.Degradations) []diagnosis {
	var runner activities.Runner = noSandbox{sandbox.ErrUnavailable}
	if r, err := sandbox.New(sandbox.Options{Prepared: 1}); err == nil {
		defer func() { _ = r.Close() }()
		runner = r
	}
	checks := interpreterDiagnoses(ctx, runner)
	checks = append(checks, packageDiagnoses(ctx, supplies, activities.OwnPrograms{Runner: runner, Permitted: permitted})...)
	for _, name := range checker.AnalyzerNames() {
		d := diagnosis{Name: "analyzer " + name, Optional: true}
		if path, err := checker.FindAnalyzer(name); err == nil {
			d.OK, d.Detail = true, path
		} else {
			d.Error = err.Error()
			if missing, ok := errors.AsType[*checker.MissingError](err); ok {
				d.Remedy = missing.Install
			}
		}
		checks = append(checks, d)
	}
	return checks
}

func interpreterDiagnoses(ctx context.Context, runner activities.Runner) []diagnosis {
	in := activities.HostInterpreters()
	var checks []diagnosis
	for _, language := range []string{"python", "js"} {
		d := diagnosis{Name: "interpreter " + language, Optional: true}
		path, err := in.Installed(language)
		if err != nil {
			d.Error = err.Error()
		} else {
			d.OK, d.Detail = true, path+versionOf(ctx, runner, path, "--version")
		}
		checks = append(checks, d)
	}
	d := diagnosis{Name: "interpreter shell", Optional: true, OK: true, Detail: in.Shell}
	if _, err := os.Stat(in.Shell); err != nil {
		d.OK, d.Detail, d.Error = false, "", err.Error()
	}
	return append(checks, d)
}

// versionOf asks an interpreter in a sandbox, and not on the host; nothing where
// that cannot be.
func versionOf(ctx context.Context, runner activities.Runner, argv ...string) string {
	spec, err := policies.SpecFor(policies.Standard)
	if err != nil {
		return ""
	}
	host := sandbox.HostEnvironment()
	spec.Binds, spec.Files, spec.Argv, spec.MayLack = host.Binds, host.Files, argv, sandbox.Features()
	spec.Limits.Wall = 10 * time.Second
	result, err := runner.Run(ctx, spec)
	if err != nil || result.Outcome != sandbox.Completed {
		return ""
	}
	return fmt.Sprintf(", %.40q", strings.TrimSpace(string(result.Stdout)))
}

// packageDiagnoses say whether environments of packages can be built, and whether
// their index answers.
func packageDiagnoses(ctx context.Context, supplies activities.Supplies, own activities.Runner) []diagnosis {
	var checks []diagnosis
	for _, version := range slices.Sorted(maps.Keys(supplies.Pythons)) {
		python := supplies.Pythons[version]
		d := diagnosis{Name: "python " + version, Optional: true}
		if pip, err := python.Pip(); err == nil {
			d.OK, d.Detail = true, python.Path+", packages by "+pip
		} else {
			d.Error = err.Error()
		}
		checks = append(checks, d)
	}
	d := diagnosis{Name: "package index", OK: true, Optional: true, Detail: "none is configured; --python-index names one"}
	if e := supplies.Environments; e != nil {
		e.Runner = own
		d.OK, d.Detail, d.Error = askIndex(ctx, supplies)
	}
	return append(checks, d)
}

// askIndex asks the index for a package that it does not have: to be told so is
// an answer.
func askIndex(ctx context.Context, supplies activities.Supplies) (ok bool, detail, trouble string) {
	python, err := supplies.Pythons.Default(activities.HostInterpreters().Python)
	if err != nil {
		return false, "", err.Error()
	}
	if supplies.Environments.Lock != nil {
		return true, "a lock is configured", ""
	}
	_, err = supplies.Environments.Resolve(ctx, python, []string{"lazaret-doctor-asks"})
	fault, ok := errors.AsType[*environments.Fault](err)
	if err == nil || ok && fault.Kind == environments.Invalid {
		return true, "it answers", ""
	}
	return false, "", err.Error()
}
