package seccomp_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/sandbox/seccomp"
)

// common is the first number that a call has on every architecture alike.
const common = 424

// last is above every number of a call.
const last = 512

// TestTables_Libseccomp has libseccomp, whose tables are made from the kernel's own for every
// architecture, resolve each number and each name: those of both tables are right, and none that
// it knows is missing. Calls newer than the library's tables have common numbers.
func TestTables_Libseccomp(t *testing.T) {
	t.Parallel()
	for _, a := range []seccomp.Arch{seccomp.X86, seccomp.ARM} {
		t.Run(a.GOARCH, func(t *testing.T) {
			t.Parallel()
			known := libseccomp(t, a)
			require.Greater(t, len(known), 300)
			newest := uint32(0)
			for name, want := range known {
				got, ok := a.Number(name)
				assert.True(t, ok, "%s %d is missing", name, want)
				assert.Equal(t, want, got, name)
				newest = max(newest, want)
			}
			for nr := range uint32(last) {
				name := a.Name(nr)
				if _, ok := known[name]; ok || name == "" || probes[name] {
					continue
				}
				assert.Greater(t, nr, newest, "libseccomp does not know %s", name)
			}
		})
	}
}

// probes are calls that only the kernel's own trampolines make, on x86-64, which came later
// than calls with higher numbers.
var probes = map[string]bool{"uretprobe": true, "uprobe": true}

// TestTables_CommonNumbers: newer calls have one number everywhere, and x86-64 never lacked one.
func TestTables_CommonNumbers(t *testing.T) {
	t.Parallel()
	for nr := uint32(common); nr < last; nr++ {
		assert.Equal(t, seccomp.X86.Name(nr), seccomp.ARM.Name(nr), "%d", nr)
	}
	assert.NotEmpty(t, seccomp.ARM.Name(common))
	for nr := range uint32(common) {
		if name := seccomp.ARM.Name(nr); name != "" {
			_, ok := seccomp.X86.Number(name)
			assert.True(t, ok, "%s is on arm64 alone", name)
		}
	}
}

// resolve prints libseccomp's names and numbers of one architecture.
const resolve = `
import ctypes, json, sys
lib = ctypes.CDLL("libseccomp.so.2")
lib.seccomp_syscall_resolve_num_arch.restype = ctypes.c_void_p
libc = ctypes.CDLL(None)
libc.free.argtypes = [ctypes.c_void_p]
calls = {}
for nr in range(int(sys.argv[2])):
    name = lib.seccomp_syscall_resolve_num_arch(ctypes.c_uint32(int(sys.argv[1])), nr)
    if name:
        calls[ctypes.string_at(name).decode()] = nr
        libc.free(name)
json.dump(calls, sys.stdout)`

func libseccomp(t *testing.T, a seccomp.Arch) map[string]uint32 {
	t.Helper()
	if err := exec.CommandContext(t.Context(), "/usr/bin/python3", "-c", "import ctypes; ctypes.CDLL('libseccomp.so.2')").Run(); err != nil && os.Getenv("CI") == "" {
		t.Skip("libseccomp is not installed")
	}
	cmd := exec.CommandContext(t.Context(), "/usr/bin/python3", "-c", resolve, strconv.FormatUint(uint64(a.Audit), 10), strconv.Itoa(last))
	out, err := cmd.Output()
	require.NoError(t, err)
	var calls map[string]uint32
	require.NoError(t, json.Unmarshal(out, &calls))
	return calls
}
