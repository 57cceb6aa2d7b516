package worker

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/activities"
	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/virt"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/workflows/definition"
)

// policyFlags are --policy and what goes with it.
type policyFlags struct {
	file      string
	downgrade bool
	command   *cobra.Command // whose flags they are among
}

// replacedByPolicy are the flags that mean the same for every definition, with the
// setting that says it in a policy.
var replacedByPolicy = []struct{ flag, setting string }{
	{"allow-net", "egress"},
	{"call-host", "calls"},
	{"source-host", "sources"},
	{"share", "shares"},
	{"python-allow", "python.allow"},
	{"python-requirements", "python.requirements"},
	{"libvirt-policy", "libvirt"},
	{"event-rules", "events"},
}

// policyFlag adds --policy to a command.
func (a *app) policyFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&a.policy.file, "policy", "", "a YAML file that says what holds for which definition, in the place of flags that say it for all")
	a.policy.command = cmd
	before := cmd.PreRunE
	cmd.PreRunE = func(cmd *cobra.Command, args []string) error {
		a.policy.command = cmd
		if before != nil {
			return before(cmd, args)
		}
		return nil
	}
}

// policyWorkerFlags add it to a command that runs a worker.
func (a *app) policyWorkerFlags(cmd *cobra.Command) {
	a.policyFlag(cmd)
	cmd.Flags().BoolVar(&a.policy.downgrade, "policy-downgrade", false, "accept a policy whose revision is older than the last one accepted here")
}

// checkPolicyFlags refuses what a policy says better.
func (a *app) checkPolicyFlags(own bool) error {
	if a.policy.file == "" {
		if a.policy.downgrade {
			return invalid("", "--policy-downgrade needs --policy")
		}
		return nil
	}
	replaced := slices.Clone(replacedByPolicy)
	if own {
		replaced = append(replaced, struct{ flag, setting string }{"level", "level"})
	}
	for _, r := range replaced {
		if flag := a.policy.command.Flags().Lookup(r.flag); flag != nil && flag.Changed {
			return invalid("say it in the policy: "+r.setting, "--%s and --policy: with a policy, no flag says this for every definition", r.flag)
		}
	}
	return nil
}

// policySource is the policy of a worker: what the flags say, or a file that may
// be replaced while the worker runs. It is safe for concurrent use.
type policySource struct {
	file    string // empty: the flags'
	options policies.ReadOptions
	record  acceptedRevisions
	current atomic.Pointer[policies.Policy]
}

// For is activities.PolicyProvider's.
func (s *policySource) For(task contract.TaskID) (policies.Effective, error) {
	return s.current.Load().For(activities.Identity(task)), nil
}

// unlisted is what holds for a definition that nothing names.
func (s *policySource) unlisted() policies.Effective {
	return s.current.Load().For(policies.Identity{})
}

// digest is that of the policy in force.
func (s *policySource) digest() string { return s.current.Load().Digest }

// watchedHosts are the libvirt hosts whose guests are watched.
func (s *policySource) watchedHosts() []string { return s.current.Load().WatchedHosts() }

// describe says, for people, what the worker judges by.
func (s *policySource) describe() string {
	p := s.current.Load()
	if s.file == "" {
		return "at level " + s.unlisted().Level.String()
	}
	return fmt.Sprintf("under the policy %s (%.12s)", s.file, p.Digest)
}

// policySource reads --policy, or makes a policy of one rule of the flags, with the
// level for every definition.
func (a *app) policySource(level policies.Level, own bool) (*policySource, error) {
	if err := a.checkPolicyFlags(own); err != nil {
		return nil, err
	}
	s := &policySource{file: a.policy.file, options: readPolicyOptions()}
	if s.file == "" {
		p, err := a.flagPolicy(level)
		s.current.Store(p)
		return s, err
	}
	var err error
	if s.record, err = a.acceptedRevisions(); err != nil {
		return nil, err
	}
	p, err := s.load(a.policy.downgrade)
	if err != nil {
		return nil, err
	}
	s.current.Store(p)
	return s, nil
}

// load reads the file, and refuses what must not come into force here.
func (s *policySource) load(downgrade bool) (*policies.Policy, error) {
	p, err := readPolicy(s.file, s.options)
	if err != nil {
		return nil, err
	}
	for _, folder := range p.Shares() {
		if _, err := sharedFolders([]string{folder}); err != nil {
			return nil, fmt.Errorf("policy %s: %w", s.file, err)
		}
	}
	return p, s.record.accept(p, downgrade)
}

// policyEvents are the event rules of the policy, if there is one.
func policyEvents(o eventOptions, source *policySource) (eventOptions, error) {
	if source.file == "" {
		return o, nil
	}
	return o.under(source.current.Load())
}

// under are the options with the rules of a policy, which permit nothing where it
// has none.
func (o eventOptions) under(p *policies.Policy) (eventOptions, error) {
	o.rules = policies.EventRules{}
	if p.Events != nil {
		o.rules = *p.Events
	}
	var err error
	o.sinks, err = sinkClients(o.rules.Sinks)
	return o, err
}

func readPolicyOptions() policies.ReadOptions {
	return policies.ReadOptions{Operations: activities.LibvirtOperations(), CheckURI: virt.CheckURI, Suggest: definition.Suggest}
}

// flagPolicy is what the flags say for every definition.
func (a *app) flagPolicy(level policies.Level) (*policies.Policy, error) {
	allowNet, err := parseAllowNet(a.allowNet)
	if err != nil {
		return nil, err
	}
	calls, err := networkRules("call-host", a.calls.hosts)
	if err != nil {
		return nil, err
	}
	sources, err := networkRules("source-host", a.supply.sourceHosts)
	if err != nil {
		return nil, err
	}
	shares, err := sharedFolders(a.supply.shares)
	if err != nil {
		return nil, err
	}
	degradations, err := a.degradations()
	if err != nil {
		return nil, err
	}
	machines, err := a.readLibvirtPolicy()
	if err != nil {
		return nil, err
	}
	if level == 0 {
		level = policies.Maximum
	}
	return policies.Single("the command line", level, func(e *policies.Effective) {
		e.Egress, e.Calls, e.Sources, e.Shares = allowNet, calls, sources, shares
		e.AllowDegraded, e.Libvirt, e.Secrets = degradations, machines, policies.Patterns{"*"}
		e.Python.Allow, e.Python.Requirements = a.pythonAllow, a.supply.requirements
	}), nil
}

// readPolicy reads a policy document that nobody but its owner can change, who is
// this user or root (C20).
func readPolicy(file string, options policies.ReadOptions) (*policies.Policy, error) {
	text, err := readOwn(file)
	if err != nil {
		return nil, err
	}
	p, err := policies.Read(file, text, options)
	if wrong, ok := errors.AsType[*policies.DocumentError](err); ok {
		return nil, invalid("lazaret schema policy prints what such a file may hold", "policy %s cannot be used:\n%w", file, wrong)
	}
	return p, err
}

// maxPolicyText bounds what is read of a policy's file.
const maxPolicyText = 1<<20 + 1

func readOwn(file string) ([]byte, error) {
	f, err := os.OpenFile(file, os.O_RDONLY|unix.O_NONBLOCK, 0) // a pipe must not hold it up
	if err != nil {
		return nil, invalid("", "policy %s: %w", file, unwrapPath(err))
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, invalid("", "policy %s: %w", file, unwrapPath(err))
	}
	if err := checkOwn(file, info); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxPolicyText))
	if err != nil {
		return nil, invalid("", "policy %s: %w", file, unwrapPath(err))
	}
	return text, nil
}

// checkOwn refuses a file that decides nothing because others decide what it says.
func checkOwn(file string, info os.FileInfo) error {
	owner, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.Mode().IsRegular():
		return invalid("", "policy %s is no file", file)
	case !ok || owner.Uid != 0 && int(owner.Uid) != os.Geteuid():
		return invalid("chown it to the user that runs lazaret, or to root", "policy %s belongs to another user", file)
	case info.Mode().Perm()&0o022 != 0:
		return invalid("chmod go-w "+file, "policy %s can be changed by others than its owner", file)
	}
	folder, err := os.Stat(filepath.Dir(file))
	if err == nil && folder.Mode().Perm()&0o002 != 0 && folder.Mode()&os.ModeSticky == 0 {
		return invalid("chmod o-w "+filepath.Dir(file), "policy %s lies in a folder where anybody can replace it", file)
	}
	return nil
}

// givenPolicy reads --policy; nil without it.
func (a *app) givenPolicy() (*policies.Policy, error) {
	if a.policy.file == "" {
		return nil, nil
	}
	return readPolicy(a.policy.file, readPolicyOptions())
}

// identityOf is what a policy knows of a definition.
func identityOf(def *definition.Definition, signature string) policies.Identity {
	return policies.Identity{
		Namespace: def.Document.Namespace, Name: def.Document.Name, Version: def.Document.Version, Digest: def.Digest,
		Labels: def.Document.Labels(), Signature: strings.TrimSpace(signature),
	}
}
