package worker

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/spf13/cobra"

	"lazaret.dev/lazaret/activities"
	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// execPython is what sandbox exec gives a Python script: what a definition says in
// its metadata.
type execPython struct {
	version      string
	packages     []string
	requirements string
}

func (a *app) execPythonFlags(cmd *cobra.Command, p *execPython) {
	cmd.Flags().StringVar(&p.version, "python-version", "", "run a Python script by this version, such as 3.12 (default that of /usr/bin/python3)")
	cmd.Flags().StringArrayVar(&p.packages, "package", nil, "give a Python script a package, such as requests>=2; repeat for more")
	cmd.Flags().StringVar(&p.requirements, "requirements", "", "give a Python script the packages of this file, with versions and hashes, as pip-compile --generate-hashes writes it")
	a.addPackageFlags(cmd)
}

// check refuses what would have no effect.
func (p execPython) check(language, index string) error {
	wanted := len(p.packages) > 0 || p.requirements != ""
	switch {
	case language != "python" && (wanted || p.version != ""):
		return invalid("", "--python-version, --package and --requirements are for Python scripts; this one is %s", language)
	case len(p.packages) > 0 && p.requirements != "":
		return invalid("", "--package and --requirements are mutually exclusive")
	case wanted && index == "":
		return invalid("name an index, or a folder of wheels, with --python-index", "--package and --requirements need one")
	}
	return nil
}

// permitted refuses a requirements file where the policy has none be named: beside a
// definition, it is the definition's own.
func (p execPython) permitted(policy policies.Effective) error {
	if p.requirements == "" || policy.Python.Requirements {
		return nil
	}
	return &exitError{
		code: exitRefused, err: errors.New("the policy lets this definition have no requirements file of its own"),
		hint: "name packages with --package, or permit it with python.requirements in the policy",
	}
}

// execPolicy is the policy of the one script that sandbox exec runs.
type execPolicy struct{ policy policies.Effective }

// For is activities.PolicyProvider.For.
func (e execPolicy) For(contract.TaskID) (policies.Effective, error) { return e.policy, nil }

// execSpec is the Spec of one script with its interpreter and packages, which the
// caller must release when the script has ended.
func (a *app) execSpec(ctx context.Context, runner *lateRunner, request contract.Process, python execPython, policy policies.Effective) (sandbox.Spec, func(), error) {
	err := python.check(request.Language, a.supply.index)
	if err == nil && a.policy.file != "" {
		err = python.permitted(policy)
	}
	if err != nil {
		return sandbox.Spec{}, nil, err
	}
	p := &activities.Processes{Interpreters: activities.HostInterpreters(), Policies: execPolicy{policy}}
	if p.Supplies.Pythons, err = a.pythons(); err != nil {
		return sandbox.Spec{}, nil, err
	}
	if err := a.execPackages(p, runner); err != nil {
		return sandbox.Spec{}, nil, err
	}
	request.Version = python.version
	lock, err := readLock("requirements", python.requirements)
	if err != nil {
		return sandbox.Spec{}, nil, err
	}
	if lock != nil {
		request.Lock = lock.String()
	}
	return p.Prepare(ctx, request, python.packages, policy.Level)
}

// execPackages gives the script the place that workers with this state folder keep
// packages in.
func (a *app) execPackages(p *activities.Processes, runner *lateRunner) error {
	dir, err := a.cacheDir()
	if err != nil {
		return err
	}
	private, err := networkRules("private-network", a.supply.privateNetworks)
	if err != nil {
		return err
	}
	p.Supplies.Environments, err = a.environments(filepath.Join(dir, "environments"), private)
	if err == nil && p.Supplies.Environments != nil {
		degradations, err := a.degradations()
		if err != nil {
			return err
		}
		p.Supplies.Environments.Runner = activities.OwnPrograms{Runner: runner, Permitted: degradations}
	}
	return err
}

// lateRunner makes a Runner when there is something to run: what is wrong with a
// command line is said on machines without a sandbox as well. It is for one
// goroutine.
type lateRunner struct{ runner *sandbox.Runner }

// Run is sandbox.Runner's.
func (l *lateRunner) Run(ctx context.Context, spec sandbox.Spec) (sandbox.Result, error) {
	if l.runner == nil {
		runner, err := sandbox.New(sandbox.Options{Prepared: 1})
		if err != nil {
			return sandbox.Result{}, err
		}
		l.runner = runner
	}
	return l.runner.Run(ctx, spec)
}

func (l *lateRunner) close() {
	if l.runner != nil {
		_ = l.runner.Close()
	}
}
