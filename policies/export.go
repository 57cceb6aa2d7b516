package policies

import (
	"fmt"

	profile "github.com/containers/common/pkg/seccomp"
	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/sandbox/seccomp"
)

// ExportSeccomp renders a level's system-call policy as a profile that podman,
// Docker and libseccomp read. It permits what the level permits; some things do
// not survive, since the format cannot say them:
//
//   - denied calls get EPERM without a report: a container runtime has no supervisor;
//   - watched calls are plainly permitted, and so are those that a level denies for
//     some arguments only to report them: signals to pid 1, and SIGSYS;
//   - execve is permitted at every level, because a container runtime loads the
//     profile before it starts the program.
//
// Its error is a *LevelError.
func ExportSeccomp(l Level) (*profile.Seccomp, error) {
	p, ok := presets[l]
	if !ok {
		return nil, &LevelError{l.String()}
	}
	denied := uint(unix.EPERM)
	out := &profile.Seccomp{
		DefaultAction: profile.ActErrno, DefaultErrnoRet: &denied, DefaultErrno: "EPERM",
		ArchMap: []profile.Architecture{ // without subarchitectures: foreign ABIs are not permitted
			{Arch: profile.ArchX86_64}, {Arch: profile.ArchAARCH64},
		},
		Syscalls: []*profile.Syscall{{
			Names: []string{"execve"}, Action: profile.ActAllow, Args: []*profile.Arg{},
			Comment: "the runtime loads the profile before it starts the program",
		}},
	}
	free := unconditional(p.syscalls)
	for i, r := range p.syscalls.Rules {
		exported, err := exportRule(r, free)
		if err != nil {
			return nil, fmt.Errorf("level %s: rule %d: %w", l, i, err)
		}
		if exported != nil {
			out.Syscalls = append(out.Syscalls, exported)
		}
	}
	return out, nil
}

// unconditional names the calls that a policy permits whatever their arguments.
func unconditional(p seccomp.Policy) map[string]bool {
	free := map[string]bool{}
	for _, r := range p.Rules {
		for _, name := range r.Calls {
			if len(r.When) == 0 && r.Then.Permits() {
				free[name] = true
			}
		}
	}
	return free
}

// exportRule renders a rule; nil for one that would say nothing. Rules are
// unordered in a profile, and libseccomp drops conditions on a call that also has
// a rule without any: so a condition on a call that is permitted anyway is left
// out, and of the denials only those that stand alone for their calls.
func exportRule(r seccomp.Rule, free map[string]bool) (*profile.Syscall, error) {
	out := &profile.Syscall{Action: profile.ActAllow, Comment: r.Why, Args: []*profile.Arg{}}
	if !r.Then.Permits() {
		errno := uint(uint32(r.Then) & unix.SECCOMP_RET_DATA)
		if r.Then == seccomp.Notify || len(r.When) > 0 {
			return nil, nil //nolint:nilnil // the default denies these already
		}
		out.Action, out.ErrnoRet, out.Errno = profile.ActErrno, &errno, unix.ErrnoName(unix.Errno(errno))
	}
	for _, name := range r.Calls {
		if name == "execve" || len(r.When) > 0 && free[name] || !r.Then.Permits() && conditional[name] {
			continue
		}
		out.Names = append(out.Names, name)
	}
	for _, c := range r.When {
		a, err := exportCondition(c)
		if err != nil {
			return nil, err
		}
		out.Args = append(out.Args, a)
	}
	if len(out.Names) == 0 {
		return nil, nil //nolint:nilnil // nothing is left to say
	}
	return out, nil
}

// conditional are calls that are permitted with some arguments and quietly denied
// with all others.
var conditional = map[string]bool{"arch_prctl": true, "ioctl": true}

func exportCondition(c seccomp.Condition) (*profile.Arg, error) {
	bits := mask(c)
	a := &profile.Arg{Index: uint(c.Arg), Value: bits, ValueTwo: c.Value, Op: profile.OpMaskedEqual}
	if c.Not {
		if bits != ^uint64(0) {
			return nil, fmt.Errorf("argument %d: a profile cannot say that masked bits differ", c.Arg)
		}
		a = &profile.Arg{Index: uint(c.Arg), Value: c.Value, Op: profile.OpNotEqual}
	}
	return a, nil
}
