package sandbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/sandbox/cgroup"
	"lazaret.dev/lazaret/sandbox/initproc"
	"lazaret.dev/lazaret/sandbox/machine"
	"lazaret.dev/lazaret/sandbox/seccomp"
)

// Check is one thing that a sandbox needs from the machine, and how it went.
type Check struct {
	Name   string
	OK     bool
	Detail string // what was found
	Step   string // what failed, when not OK
	Error  string // what the kernel said
	Cause  string // what probably made it say so; may be empty
	Remedy string // what an operator can do about it; may be empty
	// Feature is what programs have to be without; empty for a step without which
	// there is no sandbox at all.
	Feature Feature
}

// Diagnosis is what Probe found.
type Diagnosis struct {
	Checks []Check
	// Lacks are as Runner.Lacks; they mean nothing where Unavailable is set.
	Lacks []Lack
	// Unavailable is why there is no sandbox at all, or nil.
	Unavailable error
}

// Probe goes through everything that a run needs, step by step, and then has
// programs run into their limits. It changes nothing lasting and takes about a
// second.
func Probe(ctx context.Context) Diagnosis {
	p := &probe{ctx: ctx, machine: machine.Look()}
	p.check("privileges", func() (string, error) { return p.privileges(), nil })
	p.check("init helper", helperKind)
	p.check("namespaces", p.namespaces)
	p.check("seccomp notification", notification)
	p.check("Landlock", landlockVersion)
	p.groups()
	p.sandbox()
	return p.found
}

type probe struct {
	ctx     context.Context //nolint:containedctx // of the one call of Probe
	machine machine.Machine
	found   Diagnosis
}

func (p *probe) check(name string, try func() (string, error)) {
	detail, err := try()
	if err != nil {
		p.fail(name, "", err)
		return
	}
	p.found.Checks = append(p.found.Checks, Check{Name: name, OK: true, Detail: detail})
}

// fail adds a failed check. An error that is no step's is one of its own.
func (p *probe) fail(name string, feature Feature, err error) {
	explain(err, p.machine)
	c := Check{Name: name, Feature: feature, Step: name, Error: err.Error()}
	if step, ok := errors.AsType[*StepError](err); ok {
		c.Step, c.Error, c.Cause, c.Remedy = step.Step, step.Err.Error(), step.Cause, step.Remedy
	}
	for _, t := range trialSteps {
		if name != stepWhole && strings.HasPrefix(c.Step, t.step) {
			c.Feature = t.Feature
		}
	}
	p.found.Checks = append(p.found.Checks, c)
}

func (p *probe) privileges() string {
	m := p.machine
	text := "root"
	if m.UID != 0 {
		text = fmt.Sprintf("user %d", m.UID)
	}
	switch {
	case chooseIdentity(m, hostUIDs.exist()) == ownIdentity:
		text += "; programs have the same user id outside their namespaces"
	case !m.Has(unix.CAP_SYS_ADMIN):
		text += " without CAP_SYS_ADMIN"
	}
	if m.Container != "" {
		text += "; in a container (" + m.Container + ")"
	}
	return text
}

// kinds are the namespaces by name.
var kinds = []struct {
	name string
	flag uintptr
}{
	{"user", unix.CLONE_NEWUSER},
	{"pid", unix.CLONE_NEWPID},
	{"mount", unix.CLONE_NEWNS},
	{"network", unix.CLONE_NEWNET},
	{"ipc", unix.CLONE_NEWIPC},
	{"uts", unix.CLONE_NEWUTS},
	{"cgroup", unix.CLONE_NEWCGROUP},
}

// namespaces makes one of each kind; all but the first in a user namespace, which
// is how an ordinary user may.
func (p *probe) namespaces() (string, error) {
	helper, err := openHelper()
	if err != nil {
		return "", err
	}
	defer func() { _ = helper.Close() }()
	path := fmt.Sprintf("/proc/self/fd/%d", helper.Fd())
	var names []string
	for _, k := range kinds {
		pid, err := syscall.ForkExec(path, []string{initproc.Name}, &syscall.ProcAttr{ //nolint:gosec // the path is of our own descriptor
			Sys: &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER | k.flag},
		})
		if err != nil {
			return "", &StepError{Step: "clone with a new " + k.name + " namespace", Err: err}
		}
		var status syscall.WaitStatus
		_, _ = syscall.Wait4(pid, &status, 0, nil) // it ends by itself: it has no control socket
		names = append(names, k.name)
	}
	return strings.Join(names, ", "), nil
}

func notification() (string, error) {
	flags, err := seccomp.ListenerFlags()
	if err != nil {
		return "", &StepError{Step: "seccomp", Err: err}
	}
	if flags&unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV == 0 {
		return "without killable waits (Linux 5.19)", nil
	}
	return "with killable waits", nil
}

func landlockVersion() (string, error) {
	abi, err := probeLandlock()
	if err != nil {
		return "", &StepError{Step: stepLandlock, Err: err}
	}
	guards := []string{"files"}
	_, network, scopes := abi.handled()
	if network != 0 {
		guards = append(guards, "ports")
	}
	if scopes != 0 {
		guards = append(guards, "signals", "abstract sockets")
	}
	return fmt.Sprintf("ABI %d: %s", abi, strings.Join(guards, ", ")), nil
}

func helperKind() (string, error) {
	f, err := openHelper()
	if err != nil {
		return "", err
	}
	kind := "this program itself"
	if _, err := initbin.Open("initbin/" + initproc.Name); err == nil {
		kind = "embedded"
	}
	return kind, f.Close()
}

// groups looks at each controller.
func (p *probe) groups() {
	m, err := cgroup.New()
	if err != nil {
		p.fail("cgroups", "", &StepError{Step: "find cgroups", Err: err})
		return
	}
	lacks := lackedGroups(m.Missing(), p.machine)
	for _, controller := range cgroup.Controllers {
		feature := controllers[controller]
		i := slices.IndexFunc(lacks, func(l Lack) bool { return l.Feature == feature })
		if i >= 0 {
			p.fail(string(feature), feature, lacks[i].StepError)
			continue
		}
		p.found.Checks = append(p.found.Checks, Check{Name: string(feature), OK: true, Detail: m.Where(controller)})
	}
	p.check("kill at once", func() (string, error) { return killing(m) })
	if c, told := delegation(p.machine, m.Undelegated()); told {
		p.found.Checks = append(p.found.Checks, c)
	}
}

// delegation is about a group of root's that systemd counts as the service's own. An
// ordinary user cannot divide such a one, and is told so for each controller.
func delegation(m machine.Machine, service string) (Check, bool) {
	const name = "delegated group"
	if service == "" || !m.Has(unix.CAP_SYS_ADMIN) {
		return Check{}, false
	}
	return Check{
		Name: name, Step: name, Error: "systemd keeps the group of " + service + " for its own",
		Cause:  "the service has no Delegate=yes: systemd takes a script that the kernel ends for its memory for a part of it, and stops it (OOMPolicy=)",
		Remedy: "put Delegate=yes into the section [Service] of " + service + ", then systemctl daemon-reload, and start it again",
	}, true
}

// killing never fails: without cgroup.kill the end of pid 1 ends the rest.
func killing(m *cgroup.Manager) (string, error) {
	g, err := m.Make()
	if err != nil {
		return "", &StepError{Step: "make a cgroup", Err: err}
	}
	text := "by pid 1's end (cgroup.kill takes a writable cgroup v2)"
	if g.Kill() {
		text = "by cgroup.kill"
	}
	return text, g.Remove()
}

// stepWhole is the check that nothing replaces.
const stepWhole = "sandbox"

// sandbox builds whole ones, as a worker does when it starts, and runs programs in them.
func (p *probe) sandbox() {
	r, err := New(Options{Prepared: 1})
	if err != nil {
		p.found.Unavailable = err
		p.fail(stepWhole, "", err)
		return
	}
	defer func() { _ = r.Close() }()
	p.found.Lacks = r.Lacks()
	var detail strings.Builder
	detail.WriteString("every step, from clone to execve")
	for _, l := range p.found.Lacks {
		detail.WriteString(", without " + string(l.Feature))
		if l.Feature == FreshProc {
			p.fail("fresh /proc", FreshProc, l.StepError)
		}
	}
	p.check(stepWhole, func() (string, error) { return detail.String(), p.run(r, Completed, "/usr/bin/true") })
	p.check("network", func() (string, error) { return p.network(r) })
	if !r.features.lacksFeature(MemoryGroup) {
		p.check("memory limit", func() (string, error) {
			return "a program over it was ended", p.run(r, MemoryLimit, "/usr/bin/tail", "/dev/zero")
		})
	}
	if !r.features.lacksFeature(PidsGroup) {
		p.check("processes limit", func() (string, error) {
			return "a process over it was refused", p.run(r, PidsLimit, "/bin/sh", "-c", "for i in 1 2 3 4 5 6 7 8; do /usr/bin/sleep 8 & done; wait")
		})
	}
}

// run has a program end in a certain way. Its execve is answered through the
// supervisor, so that a notification's round trip is part of it.
func (p *probe) run(r *Runner, want Outcome, argv ...string) error {
	arch, err := seccomp.Native()
	if err != nil {
		return err
	}
	env := HostEnvironment()
	result, err := r.Run(p.ctx, Spec{
		Argv: argv, Binds: env.Binds, Files: env.Files, Scratch: 1 << 20, Proc: true, MayLack: Features(), KillAt: NoKill,
		Limits: Limits{
			Wall: 20 * time.Second, Memory: 32 << 20, Processes: 4, Stdout: 1 << 10, Stderr: 1 << 10, OpenFiles: 64, FileSize: 1 << 20,
		},
		Syscalls: probePolicy(arch),
	})
	if err == nil && result.Outcome != want {
		err = fmt.Errorf("%s: %s and not %s: %.200q", argv[0], result.Outcome, want, result.Stderr)
	}
	return err
}

// probePolicy permits everything, and has execve ask.
func probePolicy(arch seccomp.Arch) seccomp.Policy {
	all := seccomp.AllExcept(arch, "execve")
	all.Rules = append([]seccomp.Rule{seccomp.Call(seccomp.Watch, "execve")}, all.Rules...)
	return all
}
