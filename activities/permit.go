package activities

import (
	"fmt"
	"slices"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/environments"
	"lazaret.dev/lazaret/activities/sources"
	"lazaret.dev/lazaret/policies"
)

// policyFor is what holds for what a task needs before it runs.
func (p *Processes) policyFor(task contract.TaskID) (policies.Effective, error) {
	return judgement{p.Policies, p.GrantKey}.policy(task)
}

// scripts fetch from the hosts that the policy lists.
func (p *Processes) scripts(policy policies.Effective) sources.Scripts {
	scripts := p.Supplies.Scripts
	scripts.Fetcher.Rules = slices.Concat(policy.Sources, scripts.Fetcher.Rules)
	return scripts
}

// permitPackages refuses packages, and an index, that the policy does not list.
func (p *Processes) permitPackages(policy policies.Effective, packages []string) error {
	index := p.Supplies.Environments.Index.String()
	if !slices.Contains(policy.Python.Indexes, "*") && !slices.Contains(policy.Python.Indexes, index) && !policy.Python.Indexes.Match(index) {
		return refused(fmt.Sprintf("the policy lets this definition use no package of the index %s; the operator may list it under python.indexes", index))
	}
	for _, text := range packages {
		// What is no requirement is told as such when it is resolved.
		if name, ok := environments.PackageName(text); ok && !policy.Python.Packages.Match(name) {
			return refused(fmt.Sprintf("the policy does not let this definition use the package %s; the operator may list it under python.packages", name))
		}
	}
	return nil
}

// permittedPython is the interpreter of a version that the policy lists.
func (p *Processes) permittedPython(version string, policy policies.Effective) (environments.Python, error) {
	if version != "" && !policy.Python.Versions.Match(version) {
		return environments.Python{}, refused(fmt.Sprintf("the policy does not let this definition use Python %.20q; the operator may list it under python.versions", version))
	}
	return p.python(version)
}
