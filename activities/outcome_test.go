package activities

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// limits are small, so that a test can reach them.
var limits = sandbox.Limits{Wall: time.Minute, Memory: 64 << 20, Processes: 3, Stdout: 100, Stderr: 100}

func TestConclude_Faults(t *testing.T) {
	for name, test := range map[string]struct {
		result       sandbox.Result
		kind, detail string
	}{
		"signalled": {
			sandbox.Result{Outcome: sandbox.Signalled, Signal: syscall.SIGSEGV, Stderr: []byte("Fatal error\n")},
			contract.RuntimeError, "the program was ended by signal segmentation fault; stderr ends with:\nFatal error",
		},
		"timed out":    {sandbox.Result{Outcome: sandbox.TimedOut}, contract.TimeoutError, "the program ran longer than the 1m0s that level strict allows"},
		"memory limit": {sandbox.Result{Outcome: sandbox.MemoryLimit}, contract.RuntimeError, "the program needed more than the 64 MiB of memory that level strict allows"},
		"pids limit":   {sandbox.Result{Outcome: sandbox.PidsLimit}, contract.RuntimeError, "the program needed more than the 3 processes and threads that level strict allows"},
		"output limit": {sandbox.Result{Outcome: sandbox.OutputLimit}, contract.RuntimeError, "the program wrote far more than the 100 bytes of output that level strict allows"},
		"refused":      {sandbox.Result{Outcome: sandbox.Refused}, contract.Refused, "the program was not started"},
		"denied":       {sandbox.Result{Outcome: sandbox.Denied}, contract.AuthorizationError, "the program was ended for a violation of level strict"},
		"denied, and what": {
			sandbox.Result{Outcome: sandbox.Denied, Violations: []sandbox.Violation{
				{Type: "UnauthorizedFileAccess", Syscall: "openat", Detail: "/etc/shadow"},
				{Type: "UnauthorizedSystemCall", Syscall: "ptrace", Detail: "attach\n\x1b[2Jpid 1"},
			}},
			contract.AuthorizationError,
			"the program was ended for a violation of level strict: UnauthorizedSystemCall (ptrace attach [2Jpid 1)",
		},
		"exit code": {
			sandbox.Result{Outcome: sandbox.Failed, Code: 3, Stdout: []byte("half"), Stderr: []byte("disk is full\n")},
			contract.RuntimeError, "the program exited with code 3; stderr ends with:\ndisk is full",
		},
		"too much output": {
			sandbox.Result{Outcome: sandbox.Completed, Stdout: []byte(strings.Repeat("x", 100))},
			contract.RuntimeError, "stdout is over the limit of 100 bytes; print less, or write a summary",
		},
		"binary output": {
			sandbox.Result{Outcome: sandbox.Completed, Stdout: []byte{0xff, 0xfe}},
			contract.RuntimeError, "stdout is not UTF-8 text; encode binary output, for example as base64",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := conclude(contract.Process{Return: "stdout"}, policies.Strict, sandbox.Spec{Limits: limits}, test.result)
			requireFault(t, err, test.kind, test.detail)
		})
	}
}

func TestConclude_NoFault(t *testing.T) {
	_, err := conclude(contract.Process{}, policies.Maximum, sandbox.Spec{}, sandbox.Result{Outcome: sandbox.Cancelled})
	require.ErrorIs(t, err, errCancelled)

	_, err = conclude(contract.Process{}, policies.Maximum, sandbox.Spec{}, sandbox.Result{Outcome: sandbox.SandboxError, Stderr: []byte("no space")})
	require.EqualError(t, err, "sandbox: outcome sandbox-error; stderr ends with:\nno space")
	var fault *contract.Fault
	require.NotErrorAs(t, err, &fault, "Temporal retries it")
}

// TestConclude_Return: a task gets the streams that it asked for, and an exit
// code other than 0 is a fault for those that see no code.
func TestConclude_Return(t *testing.T) {
	result := sandbox.Result{
		Outcome: sandbox.Failed, Code: 7, Stdout: []byte("out\n"), Stderr: []byte("err\n"), Degraded: []sandbox.Feature{"landlock"},
		Violations: []sandbox.Violation{{Count: 2}, {Count: 3}},
		Usage:      sandbox.Usage{Wall: 1500 * time.Millisecond, CPU: 20 * time.Millisecond, MaxMemory: 4096},
	}
	common := contract.ProcessResult{
		Code: 7, Level: "standard", Violations: 5, Degraded: []string{"landlock"}, WallMillis: 1500, CPUMillis: 20, MaxRSS: 4096,
	}
	with := func(stdout, stderr string) contract.ProcessResult {
		r := common
		r.Stdout, r.Stderr = stdout, stderr
		return r
	}
	for form, want := range map[string]contract.ProcessResult{
		"stderr": with("", "err\n"),
		"code":   with("", ""),
		"all":    with("out\n", "err\n"),
	} {
		got, err := conclude(contract.Process{Return: form}, policies.Standard, sandbox.Spec{Limits: limits}, result)
		require.NoError(t, err, form)
		require.Equal(t, want, got, form)
	}
	_, err := conclude(contract.Process{Return: "none"}, policies.Standard, sandbox.Spec{Limits: limits}, result)
	requireFault(t, err, contract.RuntimeError, "the program exited with code 7; stderr ends with:\nerr")

	result.Outcome, result.Code = sandbox.Completed, 0
	got, err := conclude(contract.Process{Return: "stdout"}, policies.Standard, sandbox.Spec{Limits: limits}, result)
	require.NoError(t, err)
	require.Equal(t, "out\n", got.Stdout, "to the last byte")
	require.Empty(t, got.Stderr)
}

// TestKeep_JSONSize: a stream of control characters is six times as long in JSON.
func TestKeep_JSONSize(t *testing.T) {
	var kept string
	stream := []byte(strings.Repeat("\x01", contract.MaxPayload/10))
	fault := keep(&kept, "stdout", stream, 1<<30)
	require.ErrorContains(t, fault, "as JSON, over the limit of")
	require.Empty(t, kept)
	require.Nil(t, keep(&kept, "stdout", stream[:1000], 1<<30))
	require.Len(t, kept, 1000)
}

func TestTail(t *testing.T) {
	for name, test := range map[string]struct{ stderr, want string }{
		"nothing":           {"", ""},
		"white space":       {" \n\t\n", ""},
		"lines":             {"one\ntwo\n", "; stderr ends with:\none\ntwo"},
		"terminal controls": {"\x1b]0;title\a\x1b[31mred\r\n", "; stderr ends with:\n]0;title[31mred"},
		"not UTF-8":         {"a\xff\xfeb", "; stderr ends with:\nab"},
		"bidirectional":     {"a\u202eb", "; stderr ends with:\nab"},
		"the end":           {strings.Repeat("x", 5000) + "end", "; stderr ends with:\n" + strings.Repeat("x", maxTail-3) + "end"},
		"cut in a rune":     {"é" + strings.Repeat("x", maxTail-1), "; stderr ends with:\n" + strings.Repeat("x", maxTail-1)},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.want, tail([]byte(test.stderr))) })
	}
}

func TestOneLine(t *testing.T) {
	require.Equal(t, "a b", oneLine("a\nb", 10))
	require.Equal(t, "abc…", oneLine("abcdef", 3))
	require.Equal(t, "a…", oneLine("aé", 2), "never half a rune")
}
