package worker

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/worker/install"
)

// chaotic are definitions whose tasks may be interrupted anywhere, with their outputs.
var chaotic = []struct{ name, tasks, want string }{
	{"loop", `
  - sum: {for: {each: n, in: '[range(1; 51)]'}, do: [add: {set: {sum: '${ (.sum // 0) + $n }'}}]}
`, `{"sum": 1275}`},
	{"scripts", `
  - square:
      for: {each: n, in: '[1, 2, 3]'}
      do:
        - one:
            run: {script: {language: python, arguments: {so_far: '${ .so_far // 0 }', n: '${ $n }'}, code: 'print(so_far + n * n, end="")'}}
            output: {as: '{so_far: tonumber}'}
`, `{"so_far": 14}`},
	{"branches", `
  - both:
      fork:
        branches:
          - slow: {do: [nap: {wait: {milliseconds: 1500}}, say: {set: '${ "slow" }'}]}
          - fast: {run: {shell: {command: 'printf fast'}}}
`, `["slow", "fast"]`},
	{"retries", `
  - guarded:
      try:
        - count: {set: {x: 0}, export: {as: '{n: (($context.n // 0) + 1)}'}}
        - check: {if: '$context.n < 3', raise: {error: {type: 'https://example.com/e', status: 503}}}
        - done: {set: {attempts: '${ $context.n }'}}
      catch: {retry: {delay: {milliseconds: 300}, limit: {attempt: {count: 5}}}}
`, `{"attempts": 3}`},
	{"family", `
  - child: {if: '.child | not', run: {workflow: {namespace: chaos, name: family, version: latest, input: {child: true}}}, then: end}
  - nap: {wait: {seconds: 1}}
  - work: {run: {script: {language: python, code: 'print("grown", end="")'}}}
`, `"grown"`},
}

// chaosSize is how many executions run while processes are killed. A soak, asked
// for by LAZARET_SOAK=DURATION, goes on with as many again until its time is up.
const chaosSize = 200

// TestChaos kills the server and its workers, at random and without warning,
// under 200 executions at a time: each ends as it would have undisturbed.
func TestChaos(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for heartbeats to be missed")
	}
	t.Parallel()
	soak, err := time.ParseDuration("0" + os.Getenv("LAZARET_SOAK"))
	require.NoError(t, err, "LAZARET_SOAK is a duration, such as 30m")
	c := newChaos(t)
	for begin, round := time.Now(), 0; round == 0 || time.Since(begin) < soak; round++ {
		c.start(t, round)
		stop := c.disturb(t, soak > 0)
		c.await(t, round, stop)
		if t.Failed() {
			break
		}
		t.Logf("round %d: %d executions, %d kills, %s", round, chaosSize, c.kills, time.Since(begin).Round(time.Second))
	}
}

// chaos is a Temporal with workers, each in a process that can be killed.
type chaos struct {
	dir, address string
	session      *session
	random       *rand.Rand
	processes    []*lazaretCommand // the first is `lazaret up`
	kills        int
}

func newChaos(t *testing.T) *chaos {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c := &chaos{dir: t.TempDir(), address: listener.Addr().String(), processes: make([]*lazaretCommand, 3)}
	require.NoError(t, listener.Close())
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	c.random = rand.New(rand.NewPCG(seed, 0))
	for i := range c.processes {
		c.launch(t, i)
	}
	home, err := install.Open(c.state())
	require.NoError(t, err)
	client, err := (&app{logFormat: "console", logLevel: "error", stderr: os.Stderr}).dial(t.Context(), localOptions(home, c.address, install.CLI))
	require.NoError(t, err)
	t.Cleanup(client.Close)
	c.session = &session{Client: client, install: home}
	return c
}

func (c *chaos) state() string { return filepath.Join(c.dir, "state") }

// launch starts a process, the first time or again. Only the server's is waited
// for: workers find it when it is there.
func (c *chaos) launch(t *testing.T, i int) {
	t.Helper()
	if i > 0 {
		home, err := install.Open(c.state())
		require.NoError(t, err)
		w := &workerless{home: home, address: c.address}
		state := "XDG_STATE_HOME=" + filepath.Join(c.dir, fmt.Sprint("worker-", i))
		c.processes[i] = startLazaret(t, append(w.environment(install.Worker), state), "worker", "--metrics-address", "", "--max-scripts", "2")
		return
	}
	c.processes[0] = startLazaret(t, nil, "up", "--state-dir", c.state(), "--address", c.address, "--ui-address", "127.0.0.1:0", "--metrics-address", "", "--max-scripts", "2")
	c.processes[0].awaitLine(t, "Web UI ")
}

func (c *chaos) kill(t *testing.T, i int) {
	t.Helper()
	_ = c.processes[i].Process.Kill()
	_ = c.processes[i].Wait()
	c.kills++
	c.launch(t, i)
}

func (c *chaos) id(round, i int) string { return fmt.Sprintf("chaos-%d-%d", round, i) }

func (c *chaos) start(t *testing.T, round int) {
	t.Helper()
	for i := range chaosSize {
		each := chaotic[i%len(chaotic)]
		text := "document: {dsl: 1.0.3, namespace: chaos, name: " + each.name + ", version: 1.0.0}\ndo:\n" + strings.TrimPrefix(each.tasks, "\n")
		_, err := c.session.begin(t.Context(), document(t, text, "{}"), c.id(round, i))
		require.NoError(t, err)
	}
}

// disturb kills one process after the other: in a soak until stop is called, in a
// short test each of them once. stop returns when all are there again.
func (c *chaos) disturb(t *testing.T, soak bool) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var killing sync.WaitGroup
	killing.Go(func() {
		for victims := c.random.Perm(len(c.processes)); len(victims) > 0 && ctx.Err() == nil; {
			c.kill(t, victims[0]) //nolint:contextcheck // the processes outlive this pause between kills
			if victims = victims[1:]; soak && len(victims) == 0 {
				victims = c.random.Perm(len(c.processes))
			}
			time.Sleep(time.Duration(300+c.random.IntN(1500)) * time.Millisecond)
		}
	})
	return func() {
		if soak {
			cancel()
		}
		killing.Wait()
		cancel()
	}
}

// await collects the outputs. A soak's killing ends when three quarters of the
// executions have ended, so that the rest shows that nothing was lost.
func (c *chaos) await(t *testing.T, round int, stop func()) {
	t.Helper()
	defer stop()
	for i := range chaosSize {
		if i == chaosSize*3/4 {
			stop()
		}
		each := chaotic[i%len(chaotic)]
		run := c.session.GetWorkflow(t.Context(), c.id(round, i), "")
		output, err := follow(t.Context(), c.session.Client, run, nil)
		if assert.NoError(t, err, "%s: %s", c.id(round, i), each.name) {
			assert.JSONEq(t, each.want, string(output), "%s: %s", c.id(round, i), each.name)
		}
	}
}
