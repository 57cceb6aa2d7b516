package worker

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/worker/install"
	"lazaret.dev/lazaret/workflows/definition"
)

// lazaretCommand is a running lazaret in a process of its own.
type lazaretCommand struct {
	*exec.Cmd
	said *transcript
}

// transcript keeps what a process writes to stderr.
type transcript struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (s *transcript) Write(text []byte) (int, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.text.Write(text)
}

func (s *transcript) String() string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.text.String()
}

// startLazaret runs the command that TestMain provides; it is killed at the
// test's end if it still runs then.
func startLazaret(t *testing.T, environment []string, args ...string) *lazaretCommand {
	t.Helper()
	c := prepareLazaret(t, environment, args...)
	c.begin(t)
	return c
}

// prepareLazaret is the same, not yet begun.
func prepareLazaret(t *testing.T, environment []string, args ...string) *lazaretCommand {
	t.Helper()
	c := &lazaretCommand{Cmd: exec.CommandContext(t.Context(), "lazaret", args...), said: &transcript{}}
	c.Env = append(os.Environ(), environment...)
	c.Stderr = c.said
	return c
}

func (c *lazaretCommand) begin(t *testing.T) {
	t.Helper()
	require.NoError(t, c.Start())
	t.Cleanup(func() {
		if c.ProcessState == nil {
			_ = c.Wait()
		}
		if t.Failed() {
			t.Logf("%v:\n%s", c.Args, c.said)
		}
	})
}

func (c *lazaretCommand) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	require.NoError(t, c.Process.Signal(s))
}

// awaitLine waits until the command has said this.
func (c *lazaretCommand) awaitLine(t *testing.T, text string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(c.said.String(), text) }, patience, 10*time.Millisecond, text)
}

// startUp runs "lazaret up" on a state folder and opens a session with it.
func startUp(t *testing.T, dir string, environment []string, flags ...string) (*lazaretCommand, *session) {
	t.Helper()
	home, err := install.Open(dir)
	require.NoError(t, err)
	args := []string{"up", "--state-dir", dir, "--address", "127.0.0.1:0", "--ui-address", "127.0.0.1:0", "--metrics-address", ""}
	up := startLazaret(t, environment, append(args, flags...)...)
	var found install.Discovery
	require.Eventually(t, func() bool {
		found, _, _ = home.Running()
		return found.PID == up.Process.Pid
	}, patience, 10*time.Millisecond, "lazaret up")
	a := &app{logFormat: "console", logLevel: "error", stderr: os.Stderr}
	c, err := a.dial(t.Context(), localOptions(home, found.Address, install.CLI))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return up, &session{Client: c, install: home}
}

// document prepares a definition for session.begin.
func document(t *testing.T, text, input string) *prepared {
	t.Helper()
	def, err := definition.Parse("definition.yaml", []byte(text))
	require.NoError(t, err)
	return &prepared{
		bundle: &bundle{def: def},
		start: contract.Start{
			Definition: contract.Source{File: "definition.yaml", Document: text, Digest: def.Digest},
			Input:      json.RawMessage(input),
			Runtime:    testBuild.Version,
		},
	}
}

// marked lists the processes that started with this variable in their environment. A
// script that a warm interpreter runs has those of its definition whose names begin
// with LC_, and gets the others later.
func marked(variable string) []int {
	var pids []int
	processes, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range processes {
		text, _ := os.ReadFile(file)
		if bytes.Contains(append([]byte{0}, text...), []byte("\x00"+variable+"\x00")) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			pids = append(pids, pid)
		}
	}
	return pids
}

// awaitMarked waits until there are so many.
func awaitMarked(t *testing.T, variable string, count int) []int {
	t.Helper()
	var pids []int
	require.Eventually(t, func() bool {
		pids = marked(variable)
		return len(pids) == count
	}, patience, 20*time.Millisecond, "%d processes with %s", count, variable)
	return pids
}

// release lets scripts end that wait for SIGUSR1, once they handle it.
func release(t *testing.T, pids []int) {
	t.Helper()
	for _, pid := range pids {
		status := fmt.Sprintf("/proc/%d/status", pid)
		require.Eventually(t, func() bool {
			text, _ := os.ReadFile(status)
			return handlesUSR1.Match(text)
		}, patience, 5*time.Millisecond, status)
		require.NoError(t, syscall.Kill(pid, syscall.SIGUSR1))
	}
}

// handlesUSR1 finds bit 9 of a mask in /proc/PID/status.
var handlesUSR1 = regexp.MustCompile(`(?m)^SigCgt:.*[2367abef]..$`)

// holding is a script that runs until it gets SIGUSR1.
const holding = `
document: {dsl: 1.0.3, namespace: test, name: holding, version: 1.0.0}
do:
  - hold:
      run:
        script:
          language: python
          environment: {LC_HOLDING: "${ .marker }"}
          code: |
            import signal, time
            released = []
            signal.signal(signal.SIGUSR1, lambda *_: released.append(True))
            while not released:
                time.sleep(0.01)
            print("released", end="")
`
