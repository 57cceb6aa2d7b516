package sandbox

import (
	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/sandbox/initproc"
	"lazaret.dev/lazaret/sandbox/seccomp"
)

// ProgramPID is the process id of the program in its pid namespace; pid 1 only reaps.
const ProgramPID = 2

// hostname is what the program sees as the machine's name.
const hostname = "sandbox"

// build lists, in order, every system call between the clone that makes the
// namespaces and the program's execve.
func build(s *Spec, uid int, features features, filter seccomp.Filter) (*plan, error) {
	p := newPlan()
	sources, err := p.openBinds(s.Binds, s.Data, features.off != bindsLayer)
	if err != nil {
		return nil, err
	}
	if features.lacksFeature(MemoryGroup) {
		p.dieFirst()
	}
	p.identify(features.identity, uid)
	p.Namespaces &^= features.off.namespace()
	if s.forked { // made when the process is in its group
		p.groupNames = p.Namespaces&unix.CLONE_NEWCGROUP != 0
		p.Namespaces &^= unix.CLONE_NEWCGROUP
	}
	p.root(s, sources)
	p.leaveHost(features.off != rootLayer)
	p.network(s.Network)
	p.showRoot()
	if features.off != utsLayer { // or it would be the machine's
		p.call("set the host name", unix.SYS_SETHOSTNAME, p.str(hostname), num(len(hostname)))
		p.call("set the NIS domain name", unix.SYS_SETDOMAINNAME, p.str(hostname), num(len(hostname)))
	}
	if features.off != capabilitiesLayer {
		p.dropCapabilities()
	}
	p.prctl("set no_new_privs", unix.PR_SET_NO_NEW_PRIVS, 1)
	p.prctl("hide the reaper", unix.PR_SET_DUMPABLE, 0) // also from a program with its host user id
	p.call("die with the worker", unix.SYS_PRCTL, num(unix.PR_SET_PDEATHSIG), num(int(unix.SIGKILL)))
	p.program = true
	p.session(s)
	if features.off != landlockLayer && features.landlock > 0 {
		p.landlock(s, sources, features.landlock)
	}
	if features.off != limitsLayer {
		p.limits(s.Limits, features)
	}
	if s.forked {
		p.prctl("be as after an execve", unix.PR_SET_DUMPABLE, 1)
	}
	p.start(s, features.listenerFlags, filter)
	return p, nil
}

// session makes the program's process a session of its own, without a terminal,
// with default signals and the standard descriptors only.
func (p *plan) session(s *Spec) {
	p.call("start a session", unix.SYS_SETSID)
	if len(s.Arguments) == 0 && !s.waits {
		p.call("close the arguments", unix.SYS_FCNTL, num(ArgumentsFD), num(unix.F_SETFD), num(unix.FD_CLOEXEC))
	}
	p.call("close inherited descriptors", unix.SYS_CLOSE_RANGE, num(ArgumentsFD+1), num(1<<31-1), num(unix.CLOSE_RANGE_CLOEXEC))
	if s.hasService() {
		p.call("keep the service", unix.SYS_FCNTL, num(ServiceFD), num(unix.F_SETFD), num(0))
	}
	dir := s.Dir
	if dir == "" {
		dir = "/"
	}
	p.call(quoted(stepDirectory, dir), unix.SYS_CHDIR, p.str(dir))
	p.call("unblock signals", unix.SYS_RT_SIGPROCMASK, num(unix.SIG_SETMASK), p.words(0), num(0), num(8))
}

// start loads the filter, tells the helper its listener, waits until the worker
// listens, and becomes the program. Between the first and the last of these
// calls the filter is on: it must permit read and write, see checkPolicy.
func (p *plan) start(s *Spec, flags uintptr, filter seccomp.Filter) {
	listener := p.register()
	p.call("load the system-call filter", unix.SYS_SECCOMP,
		num(unix.SECCOMP_SET_MODE_FILTER), num(flags), p.filter(filter)).Save = listener
	p.call("announce the filter", unix.SYS_WRITE, reg(initproc.RegReady), regAddr(listener), num(8)).Min = 8
	p.call("wait for the worker", unix.SYS_READ, reg(initproc.RegControl), p.words(0), num(1)).Min = 1
	if s.forked { // it is the program already
		p.leaveBuilding(s)
		return
	}
	if len(s.Argv) == 0 { // a trial
		p.ask(s.Network)
		p.call("end", unix.SYS_EXIT_GROUP, num(0))
		return
	}
	argv, env, path := p.strs(s.Argv), p.strs(s.environment()), p.str(s.Argv[0])
	p.call(quoted(stepExecute, s.Argv[0]), unix.SYS_EXECVE, path, argv, env)
}

// leaveBuilding closes what execve would: all but the standard descriptors, the
// arguments and the service.
func (p *plan) leaveBuilding(s *Spec) {
	last := ServiceFD
	if s.hasService() {
		last--
	}
	p.call("close the control socket", unix.SYS_CLOSE_RANGE, num(controlFD), num(last), num(0))
	p.call("close what the building needed", unix.SYS_CLOSE_RANGE, num(firstFree), num(lastFD), num(0))
}

// filter places struct sock_fprog and what it points to.
func (p *plan) filter(f seccomp.Filter) initproc.Arg {
	var code []byte
	program := f.Program()
	for _, in := range program {
		code = append(code, byte(in.Code), byte(in.Code>>8), in.Jt, in.Jf,
			byte(in.K), byte(in.K>>8), byte(in.K>>16), byte(in.K>>24))
	}
	fprog := p.words(uint64(len(program)), p.bytes(code).Value)
	p.pointer(fprog, 1)
	return fprog
}
