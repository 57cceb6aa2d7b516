package worker

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"lazaret.dev/lazaret/activities"
	"lazaret.dev/lazaret/activities/environments"
	"lazaret.dev/lazaret/activities/sources"
	"lazaret.dev/lazaret/sandbox/egress"
)

// supplyFlags are what an operator lets scripts have beyond the system's own:
// texts that stand elsewhere, interpreters, packages.
type supplyFlags struct {
	sourceHosts, privateNetworks []string
	pythons                      []string
	index, indexCA, lock         string
	indexHosts                   []string
	requirements                 bool
	shares                       []string
}

// addSupplyFlags adds them to a command that runs a worker.
func (a *app) addSupplyFlags(cmd *cobra.Command) {
	f := &a.supply
	cmd.Flags().StringArrayVar(&f.sourceHosts, "source-host", nil, "a host that scripts may be fetched from, as host, host:port or *.host; repeat for more")
	cmd.Flags().BoolVar(&f.requirements, "python-requirements", false, "let definitions name a requirements file of their own, on a source host, with hashes")
	cmd.Flags().StringArrayVar(&f.shares, "share", nil, "a folder that every script may read, under its own path; repeat for more (default none)")
	a.addPackageFlags(cmd)
}

// addPackageFlags adds those that say where interpreters and packages come from.
func (a *app) addPackageFlags(cmd *cobra.Command) {
	f := &a.supply
	a.pythonFlag(cmd)
	cmd.Flags().StringArrayVar(&f.privateNetworks, "private-network", nil, "an address range inside your network, such as 10.1.0.0/16:443, where source hosts and the package index may be; repeat for more")
	cmd.Flags().StringVar(&f.index, "python-index", "", "where Python packages come from: the HTTPS URL of a simple index, or an absolute folder of wheels (default none)")
	cmd.Flags().StringArrayVar(&f.indexHosts, "python-index-host", nil, "another host that the index serves its files from; repeat for more")
	cmd.Flags().StringVar(&f.indexCA, "python-index-ca", "", "certificate authorities of the index, a PEM file (default the system's)")
	cmd.Flags().StringVar(&f.lock, "python-lock", "", "the Python packages that scripts may have, with versions and hashes, as pip-compile --generate-hashes writes them (default what the index has)")
}

// pythonFlag names interpreters, for a command that runs scripts or checks them.
func (a *app) pythonFlag(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&a.supply.pythons, "python", nil, "an interpreter that scripts may ask for, as 3.12=/path/to/python3.12, besides those in /usr/bin; repeat for more")
}

// cacheFolder is the one below the state folder that can be deleted at any time.
const cacheFolder = "cache"

// supplies checks the flags and reads the files that they name.
func (a *app) supplies() (activities.Supplies, error) {
	dir, err := a.cacheDir()
	if err != nil {
		return activities.Supplies{}, err
	}
	private, err := networkRules("private-network", a.supply.privateNetworks)
	if err != nil {
		return activities.Supplies{}, err
	}
	overrides, err := hostOverrides(a.calls.overrides)
	if err != nil {
		return activities.Supplies{}, err
	}
	roots, err := callRoots(a.calls.ca)
	if err != nil {
		return activities.Supplies{}, err
	}
	s := activities.Supplies{
		Scripts: sources.Scripts{
			Fetcher: sources.Fetcher{Rules: private, Roots: roots, Overrides: overrides},
			Store:   sources.Store{Dir: filepath.Join(dir, "scripts")},
		},
	}
	if s.Pythons, err = a.pythons(); err != nil {
		return s, err
	}
	s.Environments, err = a.environments(filepath.Join(dir, "environments"), private)
	return s, err
}

func (a *app) cacheDir() (string, error) {
	dir, err := a.statePath()
	if err != nil {
		return "", err
	}
	dir, err = filepath.Abs(filepath.Join(dir, cacheFolder)) // sandboxes see it under this path
	if err != nil {
		return "", invalid("", "--state-dir: %w", err)
	}
	return dir, nil
}

func networkRules(flag string, texts []string) ([]egress.Rule, error) {
	rules, err := egress.ParseRules(texts)
	if wrong, ok := errors.AsType[*egress.RuleError](err); ok {
		return nil, invalid(wrong.Remedy, "--%s %.100q: %s", flag, wrong.Rule, wrong.Reason)
	}
	return rules, err
}

func (a *app) pythons() (environments.Pythons, error) {
	found := environments.FindPythons()
	for _, text := range a.supply.pythons {
		if err := found.Configure(text); err != nil {
			return nil, invalid("", "--python: %w", err)
		}
	}
	return found, nil
}

// environments is nil where no index is configured.
func (a *app) environments(dir string, private []egress.Rule) (*environments.Environments, error) {
	f := a.supply
	if f.index == "" {
		if f.lock != "" || f.indexCA != "" || len(f.indexHosts) > 0 || f.requirements {
			return nil, invalid("name an index with --python-index", "--python-lock, --python-index-ca, --python-index-host and --python-requirements need one")
		}
		return nil, nil
	}
	hosts, err := networkRules("python-index-host", f.indexHosts)
	if err != nil {
		return nil, err
	}
	var ca []byte
	if f.indexCA != "" {
		if ca, err = os.ReadFile(f.indexCA); err != nil {
			return nil, invalid("", "--python-index-ca %s: %w", f.indexCA, unwrapPath(err))
		}
	}
	index, err := environments.NewIndex(f.index, append(hosts, private...), ca)
	if err != nil {
		return nil, invalid("", "--python-index: %w", err)
	}
	e := &environments.Environments{Index: index, Cache: environments.Cache{Dir: dir}}
	e.Lock, err = readLock("python-lock", f.lock)
	return e, err
}

func readLock(flag, file string) (*environments.Lock, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, invalid("", "--%s %s: %w", flag, file, unwrapPath(err))
	}
	lock, err := environments.ParseLock(string(text))
	if err != nil {
		return nil, invalid("", "--%s %s: %w", flag, file, err)
	}
	return &lock, nil
}
