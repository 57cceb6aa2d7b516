package sandbox

import (
	"slices"

	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/sandbox/initproc"
	"lazaret.dev/lazaret/sandbox/seccomp"
	"lazaret.dev/lazaret/sandbox/zygote"
)

// buildZygote lists the system calls between the clone that makes a zygote and its
// execve. All are pid 1's in the plan's words: the zygote itself is the worker's child,
// and so are those that it forks (CLONE_PARENT). Hence it has no pid namespace, which
// would end them with itself, and no user namespace, since theirs must be the worker's
// children to be given ids of their own. Instead it has a user id that nobody else has,
// no capability, a /proc that shows it itself, and a filter. Landlock would be passed
// on: whoever has it cannot mount, nor link across folders, whatever it handles.
func buildZygote(s *Spec, uid int, filter seccomp.Filter) (*plan, error) {
	p := newPlan()
	sources, err := p.openBinds(s.Binds, s.Data, true)
	if err != nil {
		return nil, err
	}
	p.identify(bareIdentity, uid)
	p.Namespaces &^= unix.CLONE_NEWPID
	p.root(s, sources)
	p.leaveHost(true)
	p.dropCapabilities()
	p.prctl("set no_new_privs", unix.PR_SET_NO_NEW_PRIVS, 1)
	p.call("die with the worker", unix.SYS_PRCTL, num(unix.PR_SET_PDEATHSIG), num(int(unix.SIGKILL)))
	p.call("start a session", unix.SYS_SETSID)
	p.call("limit core size", unix.SYS_PRLIMIT64, num(0), num(unix.RLIMIT_CORE), p.words(0, 0))
	p.call("limit stack size", unix.SYS_PRLIMIT64, num(0), num(unix.RLIMIT_STACK), p.words(8<<20, 8<<20))
	p.call("close inherited descriptors", unix.SYS_CLOSE_RANGE, num(firstFree), num(lastFD), num(unix.CLOSE_RANGE_CLOEXEC))
	p.call("keep the control socket", unix.SYS_FCNTL, num(controlFD), num(unix.F_SETFD), num(0))
	p.call("keep a place", unix.SYS_FCNTL, num(ServiceFD), num(unix.F_SETFD), num(0))
	p.call("load the system-call filter", unix.SYS_SECCOMP, num(unix.SECCOMP_SET_MODE_FILTER), num(0), p.filter(filter))
	// The message has to carry a descriptor; there is no listener.
	p.call("announce the filter", unix.SYS_WRITE, reg(initproc.RegReady), p.words(ServiceFD), num(8)).Min = 8
	argv, env, path := p.strs(s.Argv), p.strs(s.environment()), p.str(s.Argv[0])
	p.call(quoted(stepExecute, s.Argv[0]), unix.SYS_EXECVE, path, argv, env)
	return p, nil
}

// zygotePolicy permits what a zygote calls and what its sandboxes may: a filter can
// only be narrowed by those that come after it. What neither may fails, as there is
// no supervisor; in a sandbox the kernel asks the sandbox's own.
func zygotePolicy(p *zygote.Program, own seccomp.Policy, arch seccomp.Arch) seccomp.Policy {
	var calls []string
	for _, s := range p.Steps {
		if name := arch.Name(s.Number); !slices.Contains(calls, name) {
			calls = append(calls, name)
		}
	}
	calls = append(calls, "execve", "mprotect")
	rules := []seccomp.Rule{seccomp.Call(seccomp.Allow, calls...)}
	for _, r := range own.Rules {
		if r.Then == seccomp.Watch {
			r.Then = seccomp.Allow
		}
		rules = append(rules, r)
	}
	return seccomp.Policy{Name: "zygote of " + own.Name, Rules: rules}
}
