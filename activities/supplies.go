package activities

import (
	"context"
	"errors"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/environments"
	"lazaret.dev/lazaret/activities/sources"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// Supplies are what scripts may ask for beyond the system's own. The zero
// Supplies refuse all of it.
type Supplies struct {
	// Scripts fetch from the hosts that the policy lists; their own rules are for
	// addresses that are not public.
	Scripts      sources.Scripts
	Pythons      environments.Pythons
	Environments *environments.Environments // nil: no packages
}

// FetchScript fetches a remote script and keeps it for RunScript.
func (p *Processes) FetchScript(ctx context.Context, request contract.ScriptFetch) (contract.FetchedScript, error) {
	return supply(ctx, p, func(ctx context.Context) (contract.FetchedScript, error) {
		policy, err := p.policyFor(request.Task)
		if err != nil {
			return contract.FetchedScript{}, err
		}
		scripts := p.scripts(policy)
		digest, size, err := scripts.Fetch(ctx, request.Script.URL, request.Script.SHA256)
		return contract.FetchedScript{SHA256: digest, Size: size, Policy: policy.PolicyDigest}, p.recorded(ctx, request.Task, policy, err)
	})
}

// LockPackages decides which packages exactly a Python script gets.
func (p *Processes) LockPackages(ctx context.Context, request contract.PackageRequest) (contract.PackageLock, error) {
	return supply(ctx, p, func(ctx context.Context) (contract.PackageLock, error) {
		policy, err := p.policyFor(request.Task)
		if err != nil {
			return contract.PackageLock{}, err
		}
		lock, err := p.lock(ctx, request, policy)
		if err != nil {
			return contract.PackageLock{}, p.recorded(ctx, request.Task, policy, err)
		}
		return contract.PackageLock{Lock: lock.String(), SHA256: lock.Digest(), Policy: policy.PolicyDigest}, nil
	})
}

func (p *Processes) lock(ctx context.Context, request contract.PackageRequest, policy policies.Effective) (environments.Lock, error) {
	if p.Supplies.Environments == nil {
		return environments.Lock{}, refused("this worker installs no Python packages; the operator may name an index with --python-index")
	}
	if err := p.permitPackages(policy, request.Packages); err != nil {
		return environments.Lock{}, err
	}
	if request.RequirementsURL != "" {
		return p.requirements(ctx, request.RequirementsURL, policy)
	}
	python, err := p.permittedPython(request.Version, policy)
	if err != nil {
		return environments.Lock{}, err
	}
	return p.Supplies.Environments.Resolve(ctx, python, request.Packages)
}

// requirements takes a file of a definition's own for a lock, which it must be.
func (p *Processes) requirements(ctx context.Context, url string, policy policies.Effective) (environments.Lock, error) {
	if !policy.Python.Requirements {
		return environments.Lock{}, refused("python.requirements_url is not permitted on this worker; list python.packages, or have the operator permit it with --python-requirements, or python.requirements in the policy")
	}
	scripts := p.scripts(policy)
	text, err := scripts.Fetcher.Fetch(ctx, url, environments.MaxLock)
	if err != nil {
		return environments.Lock{}, err
	}
	return environments.ParseLock(string(text))
}

// python is the interpreter of a version, or the worker's own.
func (p *Processes) python(version string) (environments.Python, error) {
	if version == "" {
		return p.Supplies.Pythons.Default(p.Interpreters.Python)
	}
	return p.Supplies.Pythons.Choose(version)
}

// supply does something that may take a while for an activity, and makes of its
// error what Temporal stores.
func supply[T any](ctx context.Context, p *Processes, do func(context.Context) (T, error)) (T, error) {
	watched, release := p.watch(ctx, nil)
	result, err := do(watched)
	interrupted := context.Cause(watched)
	release()
	if err == nil {
		return result, nil
	}
	if fault := supplyFault(err); fault != nil {
		return result, failure(fault)
	}
	return result, infrastructure(interrupted, err, 0)
}

// equipment is what one script needs: its text, interpreter and packages.
type equipment struct {
	processes *Processes
	policy    policies.Effective
	request   contract.Process
	python    environments.Python // zero: the worker's own
	packages  string              // folder; empty: none
	release   func()
}

// equip gets a script what its request only names. The caller must release it
// when the script has ended. Its error is what Temporal stores.
func (p *Processes) equip(ctx context.Context, request contract.Process) (*equipment, error) {
	e := &equipment{processes: p, request: request, release: func() {}}
	if request.Source.URL == "" && request.Version == "" && request.Lock == "" {
		return e, nil
	}
	return supply(ctx, p, func(ctx context.Context) (_ *equipment, err error) {
		if e.policy, err = p.policyFor(request.Task); err != nil {
			return e, err
		}
		return e, p.recorded(ctx, request.Task, e.policy, e.get(ctx))
	})
}

// recorded is an error of a supply once the audit log has it, where it is a refusal.
func (p *Processes) recorded(ctx context.Context, task contract.TaskID, policy policies.Effective, err error) error {
	if fault := supplyFault(err); fault != nil {
		return newRecorder(p.Audit, task, policy, attempt(ctx)).orRefused(fault)
	}
	return err
}

func (e *equipment) get(ctx context.Context) (err error) {
	supplies := &e.processes.Supplies
	if source := e.request.Source; source.URL != "" {
		scripts := e.processes.scripts(e.policy)
		code, err := scripts.Load(ctx, source.URL, source.SHA256)
		if err != nil {
			return err
		}
		e.request.Code = string(code)
	}
	if e.request.Language != "python" || e.request.Version == "" && e.request.Lock == "" {
		return nil
	}
	if e.python, err = e.processes.permittedPython(e.request.Version, e.policy); err != nil || e.request.Lock == "" {
		return err
	}
	lock, err := environments.ParseLock(e.request.Lock)
	if err != nil {
		return err
	}
	if supplies.Environments == nil {
		return refused("this worker installs no Python packages; the operator may name an index with --python-index")
	}
	e.packages, e.release, err = supplies.Environments.Acquire(ctx, e.python, lock)
	if err != nil {
		e.release = func() {}
	}
	return err
}

// program makes the script's Spec with its equipment.
func (e *equipment) program(request contract.Process, level policies.Level) (sandbox.Spec, error) {
	spec, err := e.processes.Interpreters.script(request, level)
	if err != nil || e.python.Path == "" {
		return spec, err
	}
	spec.Argv[0] = e.python.Path
	if e.python.Prefix != "" {
		spec.Binds = append(spec.Binds, e.python.Prefix)
	}
	if e.packages != "" {
		spec.Binds = append(spec.Binds, e.packages)
		spec.Argv = append(spec.Argv, e.packages) // the runner makes it importable
	}
	return waiting(spec, level), nil
}

// Prepare makes the Spec of a script outside any execution, with the version of
// Python and the packages that it asks for; a request with a Lock names its packages
// there. The caller must release what the Spec shows when the script has ended. Its
// error is a *contract.Fault where the script or the operator is to blame.
func (p *Processes) Prepare(ctx context.Context, request contract.Process, packages []string, level policies.Level) (spec sandbox.Spec, release func(), err error) {
	e := &equipment{processes: p, request: request, release: func() {}}
	if e.policy, err = p.policyFor(request.Task); err != nil {
		return spec, nil, err
	}
	if spec, err = e.prepare(ctx, packages, level); err == nil {
		return spec, e.release, nil
	}
	e.release()
	if fault := supplyFault(err); fault != nil {
		err = fault
	}
	return spec, nil, err
}

func (e *equipment) prepare(ctx context.Context, packages []string, level policies.Level) (sandbox.Spec, error) {
	if len(packages) > 0 {
		lock, err := e.processes.lock(ctx, contract.PackageRequest{Version: e.request.Version, Packages: packages}, e.policy)
		if err != nil {
			return sandbox.Spec{}, err
		}
		e.request.Lock = lock.String()
	}
	if err := e.get(ctx); err != nil {
		return sandbox.Spec{}, err
	}
	if e.request.Language == "shell" {
		return e.processes.Interpreters.shell(e.request, level)
	}
	return e.program(e.request, level)
}

// supplyFault tells the definition's and the operator's affairs from the worker's.
func supplyFault(err error) *contract.Fault {
	var own *contract.Fault
	var source *sources.Fault
	var environment *environments.Fault
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &source):
		return sourceFaults[source.Kind].with(source.Error())
	case errors.As(err, &environment):
		return environmentFaults[environment.Kind].with(environment.Error())
	}
	return nil
}

// shape is a fault without its detail.
type shape contract.Fault

func (s shape) with(detail string) *contract.Fault {
	f := contract.Fault(s)
	f.Detail = detail
	return &f
}

var (
	misconfigured = shape{Type: contract.ConfigurationError, Status: 400, Title: "Configuration error"}
	notPermitted  = shape{Type: contract.Refused, Status: 403, Title: "Refused by policy"}
	notReached    = shape{Type: contract.CommunicationError, Status: 500, Title: "Communication error", Code: contract.CodeNetwork}

	sourceFaults = map[sources.Kind]shape{
		sources.BadURL:      misconfigured,
		sources.Refused:     notPermitted,
		sources.Unreachable: notReached,
		sources.TooSlow:     {Type: contract.TimeoutError, Status: 408, Title: "Timeout"},
		sources.BadContent:  {Type: contract.ValidationError, Status: 400, Title: "Validation error"},
		sources.Changed:     {Type: contract.AuthorizationError, Status: 403, Title: "Script changed"},
	}
	environmentFaults = map[environments.Kind]shape{
		environments.Invalid:     misconfigured,
		environments.Refused:     notPermitted,
		environments.Unreachable: notReached,
	}
)
