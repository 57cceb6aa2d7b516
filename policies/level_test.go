package policies_test

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/sandbox/seccomp"
)

func TestLevelsAreOrdered(t *testing.T) {
	all := policies.Levels()
	for i := 1; i < len(all); i++ {
		assert.Greater(t, all[i-1], all[i])
	}
}

func TestParseLevel(t *testing.T) {
	for _, l := range policies.Levels() {
		got, err := policies.ParseLevel(l.String())
		require.NoError(t, err)
		assert.Equal(t, l, got)
	}
	for _, name := range []string{"", "MAXIMUM", "none", "standard ", "Level(1)"} {
		_, err := policies.ParseLevel(name)
		var level *policies.LevelError
		require.ErrorAs(t, err, &level)
		assert.ErrorContains(t, err, "want maximum, strict, standard, minimal")
	}
}

func TestLevelText(t *testing.T) {
	b, err := json.Marshal(policies.Strict)
	require.NoError(t, err)
	var l policies.Level
	require.NoError(t, json.Unmarshal(b, &l))
	assert.Equal(t, policies.Strict, l)
	_, err = json.Marshal(policies.Level(0))
	assert.Error(t, err)
}

func TestSpecFor(t *testing.T) {
	max, err := policies.SpecFor(policies.Maximum)
	require.NoError(t, err)
	assert.EqualValues(t, 1, max.Limits.Processes)
	assert.EqualValues(t, 512<<20, max.Limits.Memory)
	assert.Equal(t, time.Hour, max.Limits.Wall)
	assert.Zero(t, max.Scratch)
	assert.False(t, max.Proc)
	assert.Equal(t, sandbox.Medium, max.KillAt)
	std, err := policies.SpecFor(policies.Standard)
	require.NoError(t, err)
	assert.EqualValues(t, 64, std.Limits.Processes)
	assert.EqualValues(t, 64<<20, std.Scratch)
	assert.True(t, std.Proc)
	assert.Equal(t, sandbox.Critical, std.KillAt)
}

func TestSpecFor_Refuses(t *testing.T) {
	_, err := policies.SpecFor(0)
	var level *policies.LevelError
	assert.ErrorAs(t, err, &level)
}

// never is what no level permits with any arguments.
var never = strings.Fields("mount umount2 pivot_root chroot move_mount open_tree fsopen fsconfig fsmount fspick mount_setattr unshare setns " +
	"ptrace process_vm_readv process_vm_writev pidfd_getfd kcmp setuid setgid setresuid setresgid setgroups capset " +
	"bpf perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register init_module finit_module delete_module " +
	"kexec_load kexec_file_load keyctl add_key request_key open_by_handle_at name_to_handle_at seccomp personality reboot swapon swapoff " +
	"settimeofday clock_settime adjtimex syslog acct quotactl iopl ioperm modify_ldt fanotify_init vmsplice splice tee clone3 openat2 " +
	"landlock_restrict_self sethostname setdomainname memfd_secret mq_open")

// TestLevels_EverySystemCall walks every call of both architectures, and some that
// none has, with arguments around every compared value.
func TestLevels_EverySystemCall(t *testing.T) {
	for _, arch := range []seccomp.Arch{seccomp.X86, seccomp.ARM} {
		for _, level := range policies.Levels() {
			spec, err := policies.SpecFor(level)
			require.NoError(t, err)
			arguments := argumentsOf(spec.Syscalls)
			listed := map[string]bool{}
			for _, r := range spec.Syscalls.Rules {
				for _, name := range r.Calls {
					listed[name] = true
				}
			}
			for nr := range uint32(600) {
				name := arch.Name(nr)
				for _, args := range arguments {
					verdict := spec.Syscalls.Verdict(arch, nr, args)
					if !listed[name] {
						require.Equal(t, seccomp.Notify, verdict, "%s: %d %s", level, nr, name)
					}
					if slices.Contains(never, name) && !asks(name, args) {
						require.False(t, verdict.Permits(), "%s: %s %#x", level, name, args)
					}
				}
			}
		}
	}
}

// asks says that a call only asks, whatever its name.
func asks(name string, args [6]uint64) bool {
	return name == "personality" && uint32(args[0]) == 0xffffffff
}

// TestLevels_Nest: what a level permits, every weaker one permits.
func TestLevels_Nest(t *testing.T) {
	levels := policies.Levels()
	for i, strong := range levels[:len(levels)-1] {
		a, err := policies.SpecFor(strong)
		require.NoError(t, err)
		b, err := policies.SpecFor(levels[i+1])
		require.NoError(t, err)
		arguments := append(argumentsOf(a.Syscalls), argumentsOf(b.Syscalls)...)
		for nr := range uint32(600) {
			for _, args := range arguments {
				if a.Syscalls.Verdict(seccomp.X86, nr, args).Permits() {
					require.True(t, b.Syscalls.Verdict(seccomp.X86, nr, args).Permits(), "%s permits %s %#x", strong, seccomp.X86.Name(nr), args)
				}
			}
		}
		assert.LessOrEqual(t, a.Limits.Processes, b.Limits.Processes)
		assert.LessOrEqual(t, a.Limits.Memory, b.Limits.Memory)
		assert.LessOrEqual(t, a.Scratch, b.Scratch)
	}
}

// TestMaximum_PermitsLittle: fewer than 170 of the more than 350 calls.
func TestMaximum_PermitsLittle(t *testing.T) {
	spec, err := policies.SpecFor(policies.Maximum)
	require.NoError(t, err)
	permitted := 0
	for nr := range uint32(600) {
		if spec.Syscalls.Verdict(seccomp.X86, nr, [6]uint64{}).Permits() {
			permitted++
		}
	}
	assert.Less(t, permitted, 170)
}

// TestLevels_EveryCell tries each property of the table on the real kernel.
func TestLevels_EveryCell(t *testing.T) {
	r := newRunner(t)
	for _, level := range policies.Levels() {
		d, err := policies.Describe(level)
		require.NoError(t, err)
		for _, cell := range []struct {
			name   string
			want   bool
			script string
		}{
			{"fork", d.Processes.Fork, "import os\nif os.fork() == 0: os._exit(0)\nos.wait()"},
			{"threads", d.Processes.Threads, "import threading\nt = threading.Thread(target=print)\nt.start(); t.join()"},
			{"exec", d.Processes.Exec, "import os; os.execv('/usr/bin/true', ['true'])"},
			{"exec of scratch", false, "import os, shutil; shutil.copy('/usr/bin/true', '/tmp/t'); os.chmod('/tmp/t', 0o755); os.execv('/tmp/t', ['t'])"},
			{"scratch", d.Files.ScratchBytes > 0, "open('/scratch/x', 'w').write('x'); open('/tmp/x', 'w').write('x'); open('/dev/shm/x', 'w')"},
			{"scratch size", false, "f = open('/scratch/x', 'wb')\nfor _ in range(513): f.write(bytes(1 << 20))"},
			{"root", false, "open('/x', 'w')"},
			{"proc", d.Files.Proc, "import os; assert os.listdir('/proc')"},
			{"written code", d.Memory.WrittenCode, "import mmap; mmap.mmap(-1, 4096, prot=7)"},
			{"System V memory", d.Memory.SystemV, "import ctypes; assert ctypes.CDLL(None).shmget(0, 4096, 0o1600) >= 0"},
			{"network", false, "import socket; socket.create_connection(('127.0.0.1', 80), 1)"},
			{"mount", false, "import ctypes; assert ctypes.CDLL(None).mount(b'x', b'/', b'tmpfs', 0, None) == 0"},
			{"many processes", false, "import os, time\nfor _ in range(" + strconv.FormatInt(d.Limits.Processes+1, 10) + "):\n  if os.fork() == 0: time.sleep(60)"},
			{"many files", false, "import os\nfor _ in range(" + strconv.FormatUint(d.Limits.OpenFiles, 10) + "): os.dup(0)"},
		} {
			t.Run(level.String()+"/"+cell.name, func(t *testing.T) {
				result := run(t, r, level, cell.script)
				assert.Equal(t, cell.want, result.Outcome == sandbox.Completed, "%s: %s %+v", result.Outcome, result.Stderr, result.Violations)
			})
		}
	}
}
