package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/sandbox/cgroup"
	"lazaret.dev/lazaret/sandbox/initproc"
	"lazaret.dev/lazaret/sandbox/seccomp"
)

// Check is one thing that a sandbox needs from the machine.
type Check struct {
	Name   string
	OK     bool
	Detail string // what was found
	Cause  string // what the kernel said, when not OK
	Remedy string // what an operator can do about it, when not OK
}

// Probe tries everything that a run needs, then runs a program through the whole
// chain. It changes nothing lasting and takes well under a second.
func Probe(ctx context.Context) []Check {
	checks := []Check{
		probe("privileges", "run the worker as root", privileges),
		probe("user namespaces", "set user.max_user_namespaces above 0", userNamespaces),
		probe("seccomp notification", "use Linux 5.0 or newer with CONFIG_SECCOMP_FILTER, and a container profile that permits seccomp(2)", notification),
		probe("Landlock", "use Linux 5.13 or newer and boot with lsm=landlock,…", landlockVersion),
		probe("cgroups", "give the worker a group it may divide: systemd Delegate=yes, or a writable cgroup mount in a container", groups),
		probe("init helper", "build with go generate ./sandbox, or call sandbox.MaybeInit first in main", helperKind),
	}
	return append(checks, chain(ctx))
}

func probe(name, remedy string, try func() (string, error)) Check {
	detail, err := try()
	if err != nil {
		return Check{Name: name, Cause: err.Error(), Remedy: remedy}
	}
	return Check{Name: name, OK: true, Detail: detail}
}

func privileges() (string, error) {
	if uid := os.Geteuid(); uid != 0 {
		return "", fmt.Errorf("effective user id %d", uid)
	}
	return "root", nil
}

func userNamespaces() (string, error) {
	b, err := os.ReadFile("/proc/sys/user/max_user_namespaces")
	limit := strings.TrimSpace(string(b))
	if err == nil && limit == "0" {
		err = errors.New("user.max_user_namespaces is 0")
	}
	return "at most " + limit, err
}

func notification() (string, error) {
	flags, err := seccomp.ListenerFlags()
	if flags&unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV == 0 {
		return "without killable waits (Linux 5.19)", err
	}
	return "with killable waits", err
}

func landlockVersion() (string, error) {
	abi, err := probeLandlock()
	return fmt.Sprintf("ABI %d", abi), err
}

func groups() (string, error) {
	m, err := cgroup.New()
	if err != nil {
		return "", err
	}
	g, err := m.Make()
	if err != nil {
		return "", err
	}
	err = errors.Join(g.Limit(cgroup.Limits{Memory: minimumMemory, CPU: 1}), g.LimitProcesses(1))
	return m.Describe(), errors.Join(err, g.Remove())
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

// chain runs /usr/bin/true in a sandbox. Its execve is answered through the
// supervisor, so that a notification's round trip is part of it.
func chain(ctx context.Context) Check {
	c := Check{Name: "sandbox", Detail: "every step, from clone to execve"}
	spec, err := probeSpec()
	if err == nil {
		err = runOnce(ctx, spec)
	}
	if c.OK = err == nil; !c.OK {
		c.Detail, c.Cause, c.Remedy = "", err.Error(), remedy(err)
	}
	return c
}

func probeSpec() (Spec, error) {
	arch, err := seccomp.Native()
	if err != nil {
		return Spec{}, err
	}
	env := HostEnvironment()
	return Spec{
		Argv: []string{"/usr/bin/true"}, Binds: env.Binds, Files: env.Files, Scratch: 1 << 20, Proc: true,
		Limits: Limits{
			Wall: 10 * time.Second, Memory: 64 << 20, Processes: 1, Stdout: 1 << 10, Stderr: 1 << 10,
			OpenFiles: 64, FileSize: 1 << 20,
		},
		Syscalls: seccomp.AllExcept(arch, "execve"),
	}, nil
}

func runOnce(ctx context.Context, spec Spec) error {
	r, err := New(Options{Prepared: 1})
	if err != nil {
		return err
	}
	result, err := r.Run(ctx, spec)
	if err == nil && result.Outcome != Completed {
		err = fmt.Errorf("run %s: %s: %.200q", spec.Argv[0], result.Outcome, result.Stderr)
	}
	return errors.Join(err, r.Close())
}

// remedies tells by the failing step what usually forbids it.
var remedies = []struct{ step, remedy string }{
	{"clone", "a container profile (seccomp, AppArmor) or kernel.apparmor_restrict_unprivileged_userns forbids new namespaces; user.max_*_namespaces may be too low"},
	{"write uid_map", "the worker's own user namespace has no ids to give; run it in the host's, or map more ids into its container"},
	{`mount "/proc"`, "parts of /proc are masked in the worker's container: unmask them (Docker: --security-opt systempaths=unconfined)"},
	{"mount", "a container profile forbids mount(2): permit it, or give the worker CAP_SYS_ADMIN in its container"},
	{"loopback interface", "a profile of the worker's container (AppArmor's unprivileged_userns, for example) forbids CAP_NET_ADMIN in namespaces of its own; without --allow-net it is not needed"},
	{"pivot", "the worker's root must be a mount of its own, not the initial ramfs"},
	{"Landlock", "boot with lsm=landlock,…"},
	{"filter", "the worker's own seccomp profile forbids loading another filter"},
	{"execute", "install the program, or look at the binds"},
}

func remedy(err error) string {
	if step, ok := errors.AsType[*StepError](err); ok {
		for _, r := range remedies {
			if strings.Contains(step.Step, r.step) {
				return r.remedy
			}
		}
	}
	return "see the cause, and the checks above"
}
