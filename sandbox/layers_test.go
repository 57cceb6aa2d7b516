package sandbox_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/sandbox/sandboxtest"
)

// wholeVariable, set to 1, makes TestLayers run all scripts at every layer.
const wholeVariable = "LAZARET_TEST_LAYERS"

// about are the scripts that a layer is there for, as patterns of their names.
var about = map[string]string{
	"filter":           "arch_* bpf clone* int80 io_uring* keyctl ptrace socket* unshare userfaultfd vmsplice",
	"landlock":         "exec_* kill_* link_* list_* map_scratch_code socket_abstract *_system",
	"capabilities":     "ca* chroot mknod* mount prctl_* set*id* setgroups setns sethostname",
	"limits":           "cpu_spin descriptor_bomb disk_bomb fork_bomb *limit* mlockall nice sched_* signal_flood sparse_file timer_bomb",
	"read-only-root":   "*_system link_* mknod* rename_out tmpfile_system truncate_passwd",
	"read-only-binds":  "*_system hard_link lease link_* mknod* rename_out setuid_bit tmpfile_system truncate_passwd",
	"cgroup":           "*_bomb cpu_spin deep_* memory_* open_flood pipe_memory recursion scratch_memory shm sparse_file thread_*",
	"user-namespace":   "add_key ca* ch* clone_* exec_setuid key* mount* nice pivot_root proc_* quotactl reboot set* swapon umount unshare",
	"net-namespace":    "connect* dns listen metadata netlink* socket*",
	"ipc-namespace":    "mq_open sh*",
	"uts-namespace":    "setdomainname sethostname",
	"cgroup-namespace": "proc_* release_agent",
}

// every is how many of the other scripts there are to one that runs all the same.
const every = 8

// TestLayers runs the hostile corpus with one layer after the other switched off:
// what the layer is about and a sample of the rest, or all of it (A58). A trick
// stays contained unless its script says that the layer alone holds it back.
func TestLayers(t *testing.T) {
	files, err := sandboxtest.Corpus("../testdata/hostile/*.py")
	require.NoError(t, err)
	for i, layer := range sandbox.Layers {
		r := newRunner(t)
		r.Without(layer)
		t.Run(layer, func(t *testing.T) {
			for j, file := range files {
				source := readFile(t, file)
				if (i+j)%every != 0 && os.Getenv(wholeVariable) == "" && !concerns(t, layer, file, source) {
					continue
				}
				t.Run(filepath.Base(file), func(t *testing.T) {
					t.Parallel()
					checkWithout(t, r, layer, source)
				})
			}
		})
	}
}

// TestLayers_Forked does so in sandboxes that a zygote forks, with half of what each
// layer is about. Without a user namespace or a cgroup there are none.
func TestLayers_Forked(t *testing.T) {
	files, err := sandboxtest.Corpus("../testdata/hostile/*.py")
	require.NoError(t, err)
	for _, layer := range sandbox.Layers {
		if layer == "user-namespace" || layer == "cgroup" {
			continue
		}
		r := newForkPool(t, sandbox.PoolLimits{PerKind: 2})
		r.Without(layer)
		t.Run(layer, func(t *testing.T) {
			t.Cleanup(func() {
				assert.Zero(t, r.PoolStats().Started)
				assert.Positive(t, r.PoolStats().Forked)
			})
			concerned := 0
			for _, file := range files {
				source := readFile(t, file)
				if !concerns(t, layer, file, source) {
					continue
				}
				if concerned++; standsAlone(layer, source) || concerned%2 == 1 {
					t.Run(filepath.Base(file), func(t *testing.T) {
						t.Parallel()
						s := forkSpec(t, policies.Standard, source)
						require.NoError(t, r.Keep(t.Context(), small(s)))
						checkSpecWithout(t, r, layer, source, s)
					})
				}
			}
		})
	}
}

func concerns(t *testing.T, layer, file, source string) bool {
	t.Helper()
	require.Contains(t, about, layer)
	return standsAlone(layer, source) || slices.ContainsFunc(strings.Fields(about[layer]), func(pattern string) bool {
		ok, err := filepath.Match(pattern+".py", filepath.Base(file))
		require.NoError(t, err)
		return ok
	})
}

func checkWithout(t *testing.T, r *sandbox.Runner, layer, source string) {
	t.Helper()
	checkSpecWithout(t, r, layer, source, python(t, policies.Standard, source))
}

func small(s sandbox.Spec) sandbox.Spec {
	s.Limits.Wall, s.Limits.Memory, s.Limits.Processes = 700*time.Millisecond, 64<<20, 32
	s.MayLack = sandbox.Features()
	return s
}

func checkSpecWithout(t *testing.T, r *sandbox.Runner, layer, source string, s sandbox.Spec) {
	t.Helper()
	result, err := r.Run(t.Context(), small(s))
	require.NoError(t, err)
	escaped := strings.Contains(string(result.Stdout), "ESCAPED")
	if standsAlone(layer, source) {
		assert.True(t, escaped, "the layer does not stand alone: %s", result.Stderr)
		return
	}
	assert.False(t, escaped, "%s", result.Stdout)
}

var alone = regexp.MustCompile(`(?m)^# alone: (.*)$`)

// standsAlone says whether a script names the layer as the only one that holds it.
func standsAlone(layer, source string) bool {
	m := alone.FindStringSubmatch(source)
	return m != nil && slices.Contains(strings.Fields(m[1]), layer)
}
