package worker

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/sandbox/sandboxtest"
)

// place is a folder that every user can read, with definitions and a script, and
// a state folder of the ordinary user's.
type place struct{ dir, circumstance string }

func newPlace(t *testing.T, circumstance string) place {
	t.Helper()
	if os.Geteuid() != 0 && os.Getenv("CI") == "" {
		t.Skip("only root can imitate other circumstances")
	}
	dir, err := os.MkdirTemp("", "lazaret-where-") //nolint:usetesting // whose folders are closed to other users
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o755))
	for _, name := range []string{"script.yaml", "set.yaml"} {
		text, err := os.ReadFile(filepath.Join("../testdata/definitions", name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o644))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "hello.py"), []byte("print('hello')\n"), 0o644))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "state"), 0o700))
	if owner := map[string]int{sandboxtest.User: sandboxtest.UserID, sandboxtest.Nobody: sandboxtest.NobodyID}[circumstance]; owner > 0 {
		require.NoError(t, os.Chown(filepath.Join(dir, "state"), owner, owner))
	}
	return place{dir, circumstance}
}

func (p place) environment() []string {
	return []string{
		sandboxtest.Variable + "=" + p.circumstance, "XDG_STATE_HOME=" + filepath.Join(p.dir, "state"), "HOME=" + filepath.Join(p.dir, "state"),
		"TMPDIR=/tmp",
	}
}

// lazaret runs a command there to its end.
func (p place) lazaret(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "lazaret", args...)
	cmd.Dir, cmd.Env = p.dir, append(os.Environ(), p.environment()...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	t.Logf("lazaret %s: %d\n%s%s", strings.Join(args, " "), cmd.ProcessState.ExitCode(), out.String(), said.String())
	return cmd.ProcessState.ExitCode(), out.String(), said.String()
}

const groupless = "cgroup-memory,cgroup-pids"

// TestWhere_OrdinaryUser does what a person does who is not root: look, try a
// script, run a workflow, and serve.
func TestWhere_OrdinaryUser(t *testing.T) {
	t.Parallel()
	p := newPlace(t, sandboxtest.Nobody)

	code, stdout, stderr := p.lazaret(t, "doctor")
	assert.Equal(t, exitNoSandbox, code)
	assert.Contains(t, stdout, "ok       privileges             user 65534; programs have the same user id outside their namespaces")
	assert.Contains(t, stdout, "lacks    cgroup-memory          use the memory controller: ")
	assert.Contains(t, stdout, "refused  level maximum          it lacks cgroup-memory, cgroup-pids\n")
	assert.Contains(t, stderr, "lazaret: this machine cannot enforce level maximum\n")

	code, stdout, _ = p.lazaret(t, "doctor", "--level", "standard", "--allow-degraded", groupless)
	assert.Equal(t, exitCompleted, code)
	assert.Contains(t, stdout, "degraded level standard         degraded: without cgroup-memory, cgroup-pids, as permitted\n")
	assert.Contains(t, stdout, "refused  level strict           it lacks cgroup-memory\n")

	code, stdout, stderr = p.lazaret(t, "sandbox", "exec", "hello.py")
	assert.Equal(t, exitNoSandbox, code)
	assert.Empty(t, stdout)
	assert.Contains(t, stderr, "lazaret: sandbox unavailable: this machine lacks cgroup-memory: ")

	code, stdout, _ = p.lazaret(t, "sandbox", "exec", "--level", "standard", "--allow-degraded", groupless, "hello.py")
	assert.Equal(t, exitCompleted, code)
	assert.Contains(t, stdout, `"stdout": "hello\n"`)
	assert.Contains(t, stdout, `"cgroup-pids"`)

	code, stdout, stderr = p.lazaret(t, "run", "--level", "standard", "--allow-degraded", groupless, "script.yaml")
	assert.Equal(t, exitCompleted, code, "%s", stderr)
	assert.Equal(t, "\"42\\n\"\n", stdout)
	assert.Contains(t, stderr, "degraded: scripts at level standard run without cgroup-memory, cgroup-pids, as permitted\n")

	code, _, stderr = p.lazaret(t, "run", "script.yaml")
	assert.Equal(t, exitNoSandbox, code)
	assert.Contains(t, stderr, "this machine lacks cgroup-memory")
}

// TestWhere_UnknownUser: a container may run as any number. Scripts do, Temporal's
// server does not.
func TestWhere_UnknownUser(t *testing.T) {
	t.Parallel()
	p := newPlace(t, sandboxtest.User)
	code, stdout, stderr := p.lazaret(t, "sandbox", "exec", "--level", "standard", "--allow-degraded", groupless, "hello.py")
	assert.Equal(t, exitCompleted, code, "%s", stderr)
	assert.Contains(t, stdout, `"stdout": "hello\n"`)
	code, _, stderr = p.lazaret(t, "run", "set.yaml")
	assert.Equal(t, exitUnreachable, code)
	assert.Contains(t, stderr, "lazaret: embedded Temporal: user id 12345 has no name on this machine, which Temporal asks for\n"+
		"hint: add it to /etc/passwd, run as another user, or set TEMPORAL_ADDRESS to use a cluster\n")
}

// TestWhere_OrdinaryUserServes runs up and, beside it, an execution on it.
func TestWhere_OrdinaryUserServes(t *testing.T) {
	t.Parallel()
	p := newPlace(t, sandboxtest.Nobody)
	up := startLazaret(t, p.environment(), "up", "--address", "127.0.0.1:0", "--ui-address", "127.0.0.1:0", "--metrics-address", "",
		"--level", "standard", "--allow-degraded", groupless, "--log-level", "info", "--log-format", "json")
	up.awaitLine(t, "Stop with Ctrl-C")
	assert.Contains(t, up.said.String(), "degraded: scripts at level standard run without cgroup-memory, cgroup-pids, as permitted\n")
	code, stdout, stderr := p.lazaret(t, "run", "script.yaml")
	assert.Equal(t, exitCompleted, code, "%s", stderr)
	assert.Equal(t, "\"42\\n\"\n", stdout)
	assert.Contains(t, up.said.String(), `"degraded":["cgroup-memory","cgroup-pids"]`)
	code, stdout, stderr = p.lazaret(t, "describe", executionOf(t, p))
	assert.Equal(t, exitCompleted, code, "%s", stderr)
	assert.Contains(t, stdout, "without cgroup-memory,cgroup-pids")
	up.signal(t, syscall.SIGTERM)
	require.NoError(t, up.Wait())
}

// executionOf is the id of the only execution.
func executionOf(t *testing.T, p place) string {
	t.Helper()
	_, stdout, _ := p.lazaret(t, "list", "--output", "json")
	_, after, found := strings.Cut(stdout, `"id": "`)
	require.True(t, found, "%s", stdout)
	id, _, _ := strings.Cut(after, `"`)
	return id
}

// TestWhere_Doctor names in each circumstance the step that fails, its cause and
// its remedy.
func TestWhere_Doctor(t *testing.T) {
	t.Parallel()
	for circumstance, want := range map[string][]string{
		sandboxtest.Docker: {
			"ok       privileges             root without CAP_SYS_ADMIN; in a container (docker)\n",
			"lacks    namespaces             clone with a new user namespace: operation not permitted\n",
			"cause: a seccomp profile around the worker forbids new namespaces (docker)\n",
			"remedy: give the container a profile that permits it, or --security-opt seccomp=unconfined, or --cap-add SYS_ADMIN\n",
			"FAILED   sandbox                clone with new namespaces: operation not permitted\n",
			"refused  level minimal          there is no sandbox on this machine\n",
		},
		sandboxtest.DockerAdmin: {
			"lacks    fresh /proc            mount \"/proc\": operation not permitted\n",
			"cause: parts of /proc are masked: ",
			"remedy: unmask them (Docker: --security-opt systempaths=unconfined",
			"cause: the cgroup mount is read-only (docker)\n",
		},
		sandboxtest.TakenListener: {
			"FAILED   sandbox                load the system-call filter: device or resource busy\n",
			"cause: what runs the worker's container listens for system calls itself",
		},
		sandboxtest.NoNamespaces: {
			"lacks    namespaces             clone with a new user namespace: no space left on device\n",
			"cause: user.max_user_namespaces is 0\n",
			"remedy: sysctl -w user.max_user_namespaces=15000, and in /etc/sysctl.d\n",
			"ok       sandbox                every step, from clone to execve, without user-namespaces\n",
			"refused  level standard         it lacks user-namespaces\n",
			"remedy: give the machine what it lacks: level standard never runs without it\n",
			"remedy: give the machine what it lacks, or permit --allow-degraded user-namespaces\n",
		},
		sandboxtest.NoLandlock: {
			"lacks    Landlock               ask for Landlock: function not implemented\n",
			"cause: a seccomp profile around the worker forbids the Landlock calls",
			"refused  level maximum          it lacks landlock\n",
		},
		sandboxtest.RootAlone: {
			"FAILED   sandbox                write uid_map: operation not permitted\n",
			"cause: the worker is root without CAP_SETUID or CAP_SETGID\n",
			"remedy: give it both, or run it as an ordinary user\n",
		},
		sandboxtest.ReadOnlyGroups: {
			"lacks    cgroup-memory          use the memory controller: cgroup: memory group ",
			"cause: the cgroup mount is read-only",
		},
	} {
		t.Run(circumstance, func(t *testing.T) {
			t.Parallel()
			code, stdout, _ := newPlace(t, circumstance).lazaret(t, "doctor")
			assert.Equal(t, exitNoSandbox, code)
			for _, part := range want {
				assert.Contains(t, stdout, part)
			}
		})
	}
}
