package sandbox_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// upper answers each line in upper case.
func upper(_ context.Context, conn net.Conn, _ func(sandbox.Violation)) {
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		_, _ = io.WriteString(conn, "heard "+lines.Text()+"\n")
	}
}

// talk sends a line and prints what comes back.
const talk = `
import os
os.write(5, b"hello\n")
print(os.read(5, 100).decode().strip())`

// TestRun_Service: a program at any level talks with its service, cold and warm.
func TestRun_Service(t *testing.T) {
	r := newPool(t, sandbox.PoolLimits{PerKind: 1})
	for _, level := range policies.Levels() {
		s := python(t, level, talk)
		s.Service = upper
		result, err := r.Run(t.Context(), s)
		require.NoError(t, err)
		assert.Equal(t, "heard hello\n", string(result.Stdout), "%s %s", level, result.Stderr)

		s = warmSpec(t, level, talk)
		s.Service = upper
		assert.Equal(t, "heard hello\n", string(warmRun(t, r, s).Stdout))
	}
}

// TestRun_NoServiceNoDescriptor: a sandbox that waits for a run with a service is
// given to none without one, and the other way round.
func TestRun_NoServiceNoDescriptor(t *testing.T) {
	r := newPool(t, sandbox.PoolLimits{PerKind: 1})
	served := warmSpec(t, policies.Standard, talk)
	served.Service = upper
	require.NoError(t, r.Keep(t.Context(), served))
	s := warmSpec(t, policies.Standard, "import os; print(sorted(os.listdir('/proc/self/fd')))")
	assert.NotContains(t, string(warmRun(t, r, s).Stdout), "'5'")
	result, err := r.Run(t.Context(), python(t, policies.Standard, "import os; os.write(5, b'x')"))
	require.NoError(t, err)
	assert.Contains(t, string(result.Stderr), "Bad file descriptor")
}

// TestRun_ServiceEnds: a service that waits is told of the program's end, and Run
// waits for it; also where a child that is left still holds the descriptor.
func TestRun_ServiceEnds(t *testing.T) {
	r := newRunner(t)
	for name, script := range map[string]string{
		"exit":   "pass",
		"child":  "import os, time\nif os.fork() == 0: time.sleep(1000)",
		"killed": "import os; os.kill(os.getpid(), 9)",
		"silent": "import os; os.write(5, b'half a li')",
	} {
		t.Run(name, func(t *testing.T) {
			s := python(t, policies.Standard, script)
			ended := make(chan error, 1)
			s.Service = func(ctx context.Context, conn net.Conn, _ func(sandbox.Violation)) {
				_, _ = io.Copy(io.Discard, conn)
				<-ctx.Done()
				ended <- ctx.Err()
			}
			_, err := r.Run(t.Context(), s)
			require.NoError(t, err)
			require.Len(t, ended, 1, "Run returned before its service")
			require.ErrorIs(t, <-ended, context.Canceled)
		})
	}
}

// TestRun_ServiceReports: what a service does not let pass counts as what the
// kernel does not: it is told at once, aggregated, and may end the run.
func TestRun_ServiceReports(t *testing.T) {
	r := newRunner(t)
	refuse := func(severity sandbox.Severity) sandbox.Service {
		return func(_ context.Context, conn net.Conn, report func(sandbox.Violation)) {
			b := make([]byte, 1)
			for {
				if _, err := conn.Read(b); err != nil {
					return
				}
				report(sandbox.Violation{Type: sandbox.InvalidPermission, Severity: severity, Detail: "no", Action: "denied"})
				_, _ = conn.Write(b)
			}
		}
	}
	const script = "import os\nfor i in range(3): os.write(5, b'x'); os.read(5, 1)\nprint('went on')"
	s := python(t, policies.Minimal, script)
	s.Service, s.ID = refuse(sandbox.High), "a run"
	alerts := make(chan sandbox.Violation, 4)
	s.Alerts = alerts
	result, err := r.Run(t.Context(), s)
	require.NoError(t, err)
	require.Equal(t, sandbox.Completed, result.Outcome)
	require.Len(t, result.Violations, 1)
	assert.Equal(t, 3, result.Violations[0].Count)
	assert.Equal(t, result.Violations[0].ID, (<-alerts).ID)
	assert.Empty(t, alerts)

	s = python(t, policies.Maximum, script)
	s.Service = refuse(sandbox.Medium)
	result, err = r.Run(t.Context(), s)
	require.NoError(t, err)
	assert.Equal(t, sandbox.Denied, result.Outcome)
	assert.Empty(t, result.Stdout)
	assert.Equal(t, "kill", result.Violations[0].Action)
	assert.Less(t, result.Usage.Wall, 10*time.Second)
}
