package sandbox_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// TestRun_Input sends more than a pipe holds through both inputs.
func TestRun_Input(t *testing.T) {
	r := newRunner(t)
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	s := python(t, policies.Maximum, `
import os, sys, hashlib
print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest(), hashlib.sha256(os.fdopen(3, "rb").read()).hexdigest())
print(sys.argv[1:], dict(os.environ), os.getcwd(), open("/in/data").read())`)
	s.Stdin, s.Arguments = big, big[1:]
	s.Argv = append(s.Argv, "a", "b c")
	s.Env = []string{"LC_CTYPE=C.UTF-8", "ONE=1", "TWO="}
	s.Dir = "/in"
	s.Files = append(s.Files, sandbox.File{Path: "/in/data", Content: []byte("content")}, sandbox.File{Path: "/in/empty"})
	result, err := r.Run(t.Context(), s)
	require.NoError(t, err)
	require.Equal(t, sandbox.Completed, result.Outcome, "%s %+v", result.Stderr, result.Violations)
	assert.Equal(t, digest(big)+" "+digest(big[1:])+"\n['a', 'b c'] {'LC_CTYPE': 'C.UTF-8', 'ONE': '1', 'TWO': ''} /in content\n", string(result.Stdout))
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func TestRun_NoArgumentsNoDescriptor(t *testing.T) {
	r := newRunner(t)
	result, err := r.Run(t.Context(), python(t, policies.Standard, "import os; print(sorted(os.listdir('/proc/self/fd')))"))
	require.NoError(t, err)
	assert.Equal(t, "['0', '1', '2', '3']\n", string(result.Stdout), "3 is the listing itself")
}

func TestRun_IgnoresUnreadInput(t *testing.T) {
	r := newRunner(t)
	s := python(t, policies.Maximum, "")
	s.Stdin = make([]byte, 1<<20)
	result, err := r.Run(t.Context(), s)
	require.NoError(t, err)
	assert.Equal(t, sandbox.Completed, result.Outcome)
}

// TestRun_BindIsReadOnly also looks at a mount below the bind: a remount that is
// not recursive would leave that one writable.
func TestRun_BindIsReadOnly(t *testing.T) {
	r := newRunner(t)
	dir := t.TempDir()
	below := filepath.Join(dir, "below")
	require.NoError(t, os.Mkdir(below, 0o777))
	require.NoError(t, unix.Mount("tmpfs", below, "tmpfs", 0, "mode=0777"))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(below, 0)) })
	for _, d := range []string{dir, below} {
		require.NoError(t, os.Chmod(d, 0o777))
		require.NoError(t, os.WriteFile(filepath.Join(d, "f"), []byte("x"), 0o666))
	}
	s := python(t, policies.Standard, `
import sys, errno
for d in (sys.argv[1], sys.argv[1] + "/below"):
    print(open(d + "/f").read())
    for name in ("/f", "/new"):
        try:
            open(d + name, "w")
        except OSError as e:
            print(errno.errorcode[e.errno])`)
	s.Binds = append(s.Binds, dir)
	s.Argv = append(s.Argv, dir)
	result, err := r.Run(t.Context(), s)
	require.NoError(t, err)
	assert.Equal(t, "x\nEROFS\nEROFS\nx\nEROFS\nEROFS\n", string(result.Stdout), "%s", result.Stderr)
}
