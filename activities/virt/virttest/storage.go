package virttest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// DefinePool makes a pool of files of the daemon's QEMU, which the broker has no
// operation for, and returns its name.
func (d *Daemon) DefinePool(tb testing.TB) string {
	tb.Helper()
	const name = "files"
	d.virsh(tb, "pool-define-as", name, "dir", "--target", d.pool())
	d.virsh(tb, "pool-start", name)
	return name
}

// AddImage puts a qcow2 image with this start of a disk into the pool, under a name
// of its own: QEMU keeps a guest's memory in no other format with its snapshots.
func (d *Daemon) AddImage(tb testing.TB, name string, start []byte) {
	tb.Helper()
	raw := filepath.Join(d.Dir, name+".raw")
	require.NoError(tb, os.WriteFile(raw, start, 0o600))
	require.NoError(tb, os.Truncate(raw, 1<<20))
	run(tb, "/usr/bin/qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, filepath.Join(d.pool(), name))
	d.virsh(tb, "pool-refresh", "files")
}

// Mark puts the mark of an operation into a guest's metadata, as one leaves it that
// was broken off.
func (d *Daemon) Mark(tb testing.TB, guest, operation, key string) {
	tb.Helper()
	d.virsh(tb, "metadata", guest, "https://lazaret.dev/libvirt/operation", "--key", "lazaret", "--current",
		"--set", "<operation name='"+operation+"' key='"+key+"'/>")
}

func (d *Daemon) pool() string { return filepath.Join(d.Dir, "pool") }

func (d *Daemon) virsh(tb testing.TB, args ...string) {
	tb.Helper()
	run(tb, "virsh", append([]string{"-c", d.URI("qemu")}, args...)...)
}

func run(tb testing.TB, program string, args ...string) {
	tb.Helper()
	out, err := exec.CommandContext(tb.Context(), program, args...).CombinedOutput() //nolint:gosec // programs of these tests
	require.NoError(tb, err, "%s", out)
}
