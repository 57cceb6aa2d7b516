package sandbox_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
	"lazaret.dev/lazaret/sandbox/egress"
)

// kindSpec is forkSpec of a kind that its processes have the name of in their memory.
func kindSpec(t *testing.T, level policies.Level, name string) sandbox.Spec {
	t.Helper()
	s := forkSpec(t, level, "pass")
	s.Files = append(s.Files, sandbox.File{Path: "/kind", Content: []byte(name)})
	s.Warm.Env = []string{"KIND=" + name}
	return s
}

// zygotes finds the zygotes, as processes of the host.
func zygotes(t *testing.T) []int {
	t.Helper()
	var found []int
	for _, word := range children(t) {
		pid, err := strconv.Atoi(word)
		require.NoError(t, err)
		if _, err := os.Stat(fmt.Sprintf("/proc/%d/root/zygote.py", pid)); err == nil {
			found = append(found, pid)
		}
	}
	return found
}

// TestZygote_HoldsNoSecret: neither a zygote nor a copy that waits has anything of the
// worker in its memory, its environment or its descriptors, nor of another kind.
func TestZygote_HoldsNoSecret(t *testing.T) {
	canary := strings.Repeat("CANARY", 2)
	t.Setenv("LAZARET_TEST_CANARY", canary)
	file := filepath.Join(t.TempDir(), canary)
	require.NoError(t, os.WriteFile(file, []byte(canary), 0o600))
	open, err := os.Open(file)
	require.NoError(t, err)
	defer func() { require.NoError(t, open.Close()) }()
	r := newForkPool(t, sandbox.PoolLimits{PerKind: 1})
	kinds := []string{"KIND-" + strconv.Itoa(len(canary)), "KIND-" + strconv.Itoa(-len(canary))}
	for i, level := range []policies.Level{policies.Standard, policies.Maximum} {
		s := kindSpec(t, level, kinds[i])
		warmRun(t, r, s)
		require.NoError(t, r.Keep(t.Context(), s))
	}
	require.Eventually(t, func() bool { return r.PoolStats().Idle == 2 }, 20*time.Second, time.Millisecond)
	pids := waiting(t)
	assert.Len(t, pids, 6, "two zygotes, and of each a copy with its pid 1")
	for _, pid := range pids {
		at := fmt.Sprintf("/proc/%d/", pid)
		memory := append(memoryOf(t, pid), readFile(t, at+"environ")...)
		assert.False(t, bytes.Contains(memory, []byte(canary)), "process %d has something of the worker", pid)
		mine := func(kind string) bool { return bytes.Contains(memory, []byte(kind)) }
		assert.NotEqual(t, mine(kinds[0]), mine(kinds[1]), "process %d is of one kind", pid)
		links, err := filepath.Glob(at + "fd/*")
		require.NoError(t, err)
		assert.LessOrEqual(t, len(links), 6)
		for _, link := range links {
			target, err := os.Readlink(link)
			require.NoError(t, err)
			assert.Regexp(t, `^(pipe|socket):`, target, "descriptor of process %d", pid)
		}
	}
}

// planWords are what a plan says by itself: what it mounts, how, and where.
const planWords = "tmpfs proc size nr_inodes mode mode=1777,size= ,nr_inodes= 0755 hidepid=invisible,subset=pid sandbox " +
	"scratch /scratch ../tmp dev/shm /dev/null /dev/zero /dev/random /dev/urandom dev/null dev/zero dev/random dev/urandom"

// TestZygote_PlanHoldsNoSecret reads, as a script can, all that its sandbox was built by,
// and knows each word of it: from the Spec, whose files and paths the script sees
// anyway, or from planWords.
func TestZygote_PlanHoldsNoSecret(t *testing.T) {
	r := newForkPool(t, sandbox.PoolLimits{PerKind: 1})
	s := forkSpec(t, policies.Standard, `
import ctypes, re, sys
marks = (b"nr_" + b"inodes", b"hide" + b"pid=invisible,subset=pid", b"tmp" + b"fs")
for line in list(open("/proc/self/maps")):
    span, flags, *rest = line.split()
    if flags != "rw-p" or len(rest) > 3:
        continue
    start, end = (int(x, 16) for x in span.split("-"))
    content = ctypes.string_at(start, end - start)
    if all(mark + b"\0" in content for mark in marks) and end - start < 1 << 20:
        sys.stdout.buffer.write(content)
        break
else:
    raise SystemExit("the plan is not found")`)
	data := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(data), 0o755))
	s.Data = []string{data}
	rule, err := egress.ParseRule("permitted.example:80")
	require.NoError(t, err)
	require.NoError(t, policies.Open(&s, policies.Standard, []egress.Rule{rule}))
	plan := warmRun(t, r, s).Stdout
	known := strings.Fields(planWords)
	for _, path := range append(slices.Concat(s.Binds, s.Data), "/etc/resolv.conf") {
		known = append(known, path, strings.TrimPrefix(path, "/"))
		if link, err := os.Readlink(path); err == nil {
			known = append(known, link)
		}
		for dir := path; dir != "/"; dir = filepath.Dir(dir) {
			known = append(known, strings.TrimPrefix(dir, "/"))
		}
	}
	for _, f := range s.Files {
		known = append(known, strings.TrimPrefix(f.Path, "/"), string(f.Content))
	}
	words := regexp.MustCompile(`[ -~\n]{6,}`).FindAll(plan, -1)
	assert.Greater(t, len(words), 20)
	for _, w := range words {
		word := strings.Trim(string(w), "\n")
		assert.True(t, knows(known, word), "%q", word)
	}
}

// knows says whether a word is made of known ones and numbers.
func knows(known []string, word string) bool {
	if slices.ContainsFunc(known, func(k string) bool { return strings.Contains(k, word) }) {
		return true
	}
	return regexp.MustCompile(`^(mode=1777,size=[0-9]+,nr_inodes=[0-9]+|[0-9]+|nameserver [0-9.]+\noptions [a-z0-9: ]+)$`).MatchString(word)
}

// TestZygote_Machine: the machine code that a copy still has makes the system calls that
// its filter lets it, and no other; those are told as any.
func TestZygote_Machine(t *testing.T) {
	r := newForkPool(t, sandbox.PoolLimits{PerKind: 1})
	s := forkSpec(t, policies.Strict, `
import ctypes, struct
code = None
for line in list(open("/proc/self/maps")):
    span, flags, *rest = line.split()
    start, end = (int(x, 16) for x in span.split("-"))
    if flags == "r-xp" and len(rest) == 3 and end - start == 4096:
        code = start
machine = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_void_p, ctypes.c_ulong)(code)
def call(number, *args):
    memory = bytearray(640 + 128)
    struct.pack_into("=QQ", memory, 528, 640, 640 + 128)
    struct.pack_into("=QQQQQQ", memory, 640, number, 0, 9, 0, 0, 1)
    for i, arg in enumerate(args):
        struct.pack_into("=Q", memory, 640 + 64 + 8 * i, arg)
    buffer = (ctypes.c_char * len(memory)).from_buffer(memory)
    result = machine(ctypes.addressof(buffer), 0)
    return struct.unpack_from("=q", memory, 8 * 9)[0] if result == 1 else result
print(call(39), call(101, 0, 0, 0, 0), call(272, 1 << 28), call(56, 1 << 30 | 17), call(165, 0, 0, 0, 0, 0))`)
	require.NoError(t, r.Keep(t.Context(), s))
	result, err := r.Run(t.Context(), s)
	require.NoError(t, err)
	assert.EqualValues(t, 1, r.PoolStats().Hits)
	assert.Equal(t, "2 -1 -1 -1 -1\n", string(result.Stdout), "%s", result.Stderr)
	var calls []string
	for _, v := range result.Violations {
		calls = append(calls, v.Syscall)
	}
	assert.Equal(t, []string{"ptrace", "unshare", "clone", "mount"}, calls)
}
