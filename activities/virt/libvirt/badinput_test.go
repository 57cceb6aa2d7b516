//go:build libvirt_dlopen && cgo

package libvirt_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/virt"
	"lazaret.dev/lazaret/activities/virt/virttest"
)

// elsewhere, in a process that TestBadInput starts, is the URI that it is to ask.
const elsewhere = "LAZARET_TEST_LIBVIRT_URI"

// TestBadInput_There asks in other circumstances than the test's.
func TestBadInput_There(t *testing.T) {
	uri, ok := os.LookupEnv(elsewhere)
	if !ok {
		t.Skip("run by TestBadInput")
	}
	_, err := at[virt.Host](t, newPool(t), uri, "host.info", nil, virt.Call{})
	e := virt.AsError(err)
	fmt.Printf("answer: %s: %s\n", e.Code, e.Message)
}

// answerThere is how host.info ends at a URI, for a command that runs this program.
func answerThere(t *testing.T, cmd *exec.Cmd, uri string) string {
	t.Helper()
	cmd.Env = append(os.Environ(), elsewhere+"="+uri)
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", output)
	_, answer, _ := strings.Cut(string(output), "answer: ")
	answer, _, _ = strings.Cut(answer, "\n")
	return answer
}

// withoutLibrary runs a program where the library is not installed: there is no such
// file for it.
const withoutLibrary = `set -e
mount --make-rprivate /
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work"
mknod "$1/upper/libvirt.so.0" c 0 0
mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" "$2"
exec "$3" "-test.run=^TestBadInput_There$"
`

// Each sort of bad input has its message, which names what is wrong and what helps.
func TestBadInput(t *testing.T) {
	d := virttest.Start(t)
	own, err := os.Executable()
	require.NoError(t, err)

	t.Run("libvirt absent", func(t *testing.T) {
		library, err := filepath.Glob("/usr/lib/*/libvirt.so.0")
		require.NoError(t, err)
		require.Len(t, library, 1)
		cmd := exec.CommandContext(t.Context(), "/usr/bin/unshare", "-m", "/bin/sh", "-c", withoutLibrary, "sh", t.TempDir(), filepath.Dir(library[0]), own)
		answer := answerThere(t, cmd, "test:///default")
		require.Regexp(t, `^unreachable: libvirt is not installed on this worker: Failed to open libvirt\.so\.0; install libvirt0 \(Debian\) or libvirt-libs \(Fedora\)$`, answer)
	})
	t.Run("permission refused", func(t *testing.T) {
		require.NoError(t, os.Chmod(d.Dir, 0o755))
		cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^TestBadInput_There$")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 12345, Gid: 12345}}
		answer := answerThere(t, cmd, d.URI("qemu"))
		require.Regexp(t, `^denied: \S+ refuses this worker: .*Permission denied; its user must be in the group libvirt$`, answer)
	})

	p := newPool(t)
	uri := d.URI("qemu")
	made, err := at[virt.DomainChange](t, p, uri, "domain.define", map[string]any{"name": "one", "memory": 64, "vcpus": 1, "type": "qemu"}, virt.Call{Key: "one"})
	require.NoError(t, err)
	_, err = at[virt.DomainChange](t, p, uri, "domain.define", map[string]any{"name": "vast", "memory": 8 << 20, "vcpus": 1, "type": "qemu"}, virt.Call{Key: "vast"})
	require.NoError(t, err, "a definition of 8 TiB is one; it only cannot start here")
	const otherUUID = "00000000-1111-2222-3333-444444444444"
	for name, c := range map[string]struct {
		uri, operation string
		arguments      map[string]any
		code           virt.Code
		message        string
	}{
		"no daemon":          {"qemu+unix:///system?socket=/nonexistent/socket", "host.info", nil, virt.Unreachable, `cannot be reached: Failed to connect socket to '/nonexistent/socket'`},
		"no such driver":     {"xen:///system", "host.info", nil, virt.Unreachable, `xen:///system cannot be reached: `},
		"unknown guest":      {uri, "domain.start", map[string]any{"name": "nobody"}, virt.NotFound, `there is no guest "nobody"`},
		"stale UUID":         {uri, "domain.start", map[string]any{"uuid": otherUUID}, virt.NotFound, otherUUID},
		"name and UUID":      {uri, "domain.start", map[string]any{"name": "one", "uuid": otherUUID}, virt.NotFound, otherUUID},
		"another's UUID":     {uri, "domain.start", map[string]any{"name": "vast", "uuid": made.UUID}, virt.NotFound, "vast"},
		"XML of no machine":  {uri, "domain.define", map[string]any{"xml": "<domain type='qemu'><name>x</name><memory>65536</memory><vcpu>1</vcpu><os><type arch='x86_64' machine='pc-none'>hvm</type></os></domain>"}, virt.Invalid, "XML error: "},
		"impossible memory":  {uri, "domain.start", map[string]any{"name": "vast"}, virt.Failed, "memory"},
		"more than there is": {uri, "domain.set-memory", map[string]any{"name": "one", "memory": 1 << 20}, virt.Busy, "64 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := at[map[string]any](t, p, c.uri, c.operation, c.arguments, virt.Call{Key: name})
			var e *virt.Error
			require.ErrorAs(t, err, &e)
			require.Contains(t, e.Message, c.message)
			require.Equal(t, c.code, e.Code, e.Message)
		})
	}
}
