package worker

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	retryable "github.com/hashicorp/go-retryablehttp"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/ledger"
)

// burstSize is how many violations of how many definitions come at once: a part of
// 10,000 of 1,000, which LAZARET_BURST=10000 asks for.
func burstSize(t *testing.T) (violations, definitions int) {
	t.Helper()
	violations = 400
	if text := os.Getenv("LAZARET_BURST"); text != "" {
		var err error
		violations, err = strconv.Atoi(text)
		require.NoError(t, err, "LAZARET_BURST is a number of violations")
	}
	return violations, violations / 10
}

// testBurst: of many violations of many definitions none is lost or counted twice,
// though each is reported twice, and no history outgrows its limit: ledger and
// register continue as new.
func testBurst(t *testing.T, g *ground) {
	t.Helper()
	filer := g.filer(t)
	violations, definitions := burstSize(t)
	began := time.Now()
	file := func(name string, n int) {
		report := contract.ViolationReport{Namespace: "burst", Name: name, Violations: []contract.Violation{{
			ID: fmt.Sprintf("%s-%d", name, n), Type: "UnauthorizedFileAccess", Severity: "Medium", Count: 1, At: time.Now(), Level: "strict",
		}}}
		for range 2 {
			assert.NoError(t, filer.Tell(t.Context(), report))
		}
	}
	t.Logf("resident before: %s", g.resident(t))
	inParallel(16, violations, func(n int) { file(fmt.Sprint("victim-", n%definitions), n/definitions) })
	t.Logf("resident: %s", g.resident(t))
	t.Logf("%d violations filed twice after %s", violations, time.Since(began).Round(time.Millisecond))
	// One definition gets more than a run of its ledger takes.
	inParallel(16, 230, func(n int) { file("hammered", n) })
	// What is filed waits for its verdict longer, the more there is.
	judged := func(name string, total int) (l contract.Ledger) {
		require.Eventually(t, func() bool {
			l = g.ledger(t, name)
			return l.Total >= total
		}, 2*time.Minute+time.Duration(violations)*20*time.Millisecond, 20*time.Millisecond, name+" has all")
		return l
	}
	l := judged("burst/hammered", 230)
	assert.Equal(t, 230, l.Total)
	assert.Equal(t, contract.LedgerQuarantined, l.State)
	for n := range definitions {
		name := fmt.Sprint("burst/victim-", n)
		l := judged(name, violations/definitions)
		require.Equal(t, violations/definitions, l.Total, name)
		require.Equal(t, contract.LedgerQuarantined, l.State, name)
		require.Len(t, l.Incidents, 1, name)
	}
	t.Logf("all judged after %s", time.Since(began).Round(time.Millisecond))
	pollUntil(t, "the ledger has continued as new", func() bool {
		d, err := g.DescribeWorkflowExecution(t.Context(), contract.LedgerID("burst", "hammered"), "")
		return err == nil && d.GetWorkflowExecutionInfo().GetFirstRunId() != d.GetWorkflowExecutionInfo().GetExecution().GetRunId()
	})
	pollUntil(t, "the register has them all", func() bool {
		held, err := g.store.Held(t.Context())
		n := 0
		for _, h := range held {
			if h.Namespace == "burst" {
				n++
			}
		}
		return err == nil && n == definitions+1
	})
	t.Logf("resident: %s", g.resident(t))
	testRegisterGoesOn(t, g, definitions+1)
	longest := int64(0)
	for _, id := range append(g.burstLedgers(definitions), contract.RegisterID) {
		d, err := g.DescribeWorkflowExecution(t.Context(), id, "")
		require.NoError(t, err)
		longest = max(longest, d.GetWorkflowExecutionInfo().GetHistoryLength())
	}
	t.Logf("longest history of a ledger or of the register: %d events", longest)
	assert.Less(t, longest, int64(10_240))
}

// burstLedgers are the ids of the ledgers that a burst makes.
func (g *ground) burstLedgers(definitions int) []string {
	ids := []string{contract.LedgerID("burst", "hammered")}
	for n := range definitions {
		ids = append(ids, contract.LedgerID("burst", fmt.Sprint("victim-", n)))
	}
	return ids
}

// testRegisterGoesOn: the register continues as new after some hundred words, and
// what is held stays held.
func testRegisterGoesOn(t *testing.T, g *ground, held int) {
	t.Helper()
	filer := g.filer(t)
	run := func() string {
		d, err := g.DescribeWorkflowExecution(t.Context(), contract.RegisterID, "")
		require.NoError(t, err)
		return d.GetWorkflowExecutionInfo().GetExecution().GetRunId()
	}
	before := run()
	const words = 320
	inParallel(16, words, func(n int) {
		word, err := filer.Key.Sign(ledger.ForHeld, contract.Held{Namespace: "burst", Name: "word", State: contract.LedgerActive, Revision: int64(n) + 1})
		assert.NoError(t, err)
		assert.NoError(t, g.SignalWorkflow(t.Context(), contract.RegisterID, "", contract.HeldSignal, word))
	})
	pollUntil(t, "the register has continued as new", func() bool { return run() != before })
	all, err := g.store.Held(t.Context())
	require.NoError(t, err)
	n := 0
	for _, h := range all {
		if h.Namespace == "burst" {
			n++
		}
	}
	assert.Equal(t, held, n)
}

// resident is the memory of the server's process and of the second worker's, with
// the most that each has had.
func (g *ground) resident(t *testing.T) string {
	t.Helper()
	var parts []string
	for name, process := range map[string]*lazaretCommand{"server and worker": g.up, "worker": g.second} {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", process.Process.Pid))
		require.NoError(t, err)
		for line := range strings.Lines(string(status)) {
			if strings.HasPrefix(line, "VmRSS") || strings.HasPrefix(line, "VmHWM") {
				parts = append(parts, name+" "+strings.Join(strings.Fields(line), " "))
			}
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// inParallel does something n times, at most so many at the same time.
func inParallel(at, n int, do func(int)) {
	next := make(chan int)
	var all sync.WaitGroup
	for range at {
		all.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	all.Wait()
}

// testCanary: a secret in a script's arguments, environment, output and errors, and
// in what it tries, is in no history, log, metric, notification or bundle (A40).
func testCanary(t *testing.T, g *ground) {
	t.Helper()
	name := "ground/leaky"
	text := `
document: {dsl: 1.0.3, namespace: ground, name: leaky, version: 1.0.0}
use: {secrets: [canary]}
do:
  - leak:
      try:
        - work:
            run:
              script:
                language: python
                arguments: {word: '${ $secrets.canary }'}
                environment: {WORD: '${ $secrets.canary }'}
                code: |
                  import os, sys
                  for path in ("/etc/shadow", "/root/" + word.replace("/", ""), "/root/" + os.environ["WORD"]):
                    try: open(path)
                    except OSError: pass
                  print(word)
                  print(os.environ["WORD"], file=sys.stderr)
                  raise SystemExit("failed with " + word)
      catch: {do: [keep: {set: '${ $error }'}]}
`
	run := g.begin(t, text, "null")
	output, err := follow(t.Context(), g.Client, run, nil)
	require.NoError(t, err)
	assert.Contains(t, string(output), "*****", "what would have shown it")
	g.awaitLedger(t, name, "has the violations", func(l contract.Ledger) bool { return l.Total >= 2 })
	g.awaitNotice(t, name, "violation")
	bundle := filepath.Join(t.TempDir(), "bundle.tar.zst")
	_, code := g.lazaret(t, "evidence", name, "-o", bundle, "--policy", g.policy)
	require.Zero(t, code)

	search := func(where string, data []byte) {
		t.Helper()
		for _, form := range []string{groundSecret, innerBase64(groundSecret, 1), innerBase64(groundSecret, 2), innerBase64("x"+groundSecret, 2)} {
			require.NotContains(t, string(data), form, where)
		}
	}
	for _, id := range []string{run.GetID(), contract.LedgerID("ground", "leaky")} {
		data, err := temporalproto.CustomJSONMarshalOptions{}.Marshal(&historypb.History{Events: historyEvents(t, g.session, id, "")})
		require.NoError(t, err)
		search("the history of "+id, data)
	}
	search("the log of up", []byte(g.up.said.String()))
	search("the log of the second worker", []byte(g.second.said.String()))
	search("metrics", g.metrics(t))
	g.mu.Lock()
	told, err := json.Marshal(g.told)
	g.mu.Unlock()
	require.NoError(t, err)
	search("notifications", told)
	parts := 0
	for part, data := range unpacked(t, bundle) {
		search("the bundle's "+part, data)
		parts++
	}
	assert.Greater(t, parts, 5)
	require.NoError(t, filepath.WalkDir(g.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil //nolint:nilerr // it went while we looked
		}
		if data, err := os.ReadFile(path); err == nil {
			search(path, data)
		}
		return nil
	}))
}

// TestQuarantine_SealedCanary: the same where payloads are sealed.
func TestQuarantine_SealedCanary(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a Temporal and two workers")
	}
	t.Parallel()
	keys := filepath.Join(t.TempDir(), "payload.keys")
	a := &app{stderr: io.Discard, stdout: io.Discard, logFormat: "console", logLevel: "error"}
	require.Zero(t, a.execute(t.Context(), []string{"keys", "create", keys}))
	g := newGround(t, "--payload-keys", keys)
	sealed := &app{stderr: io.Discard, stdout: io.Discard, logFormat: "console", logLevel: "error", stateDir: g.dir, payloadKeys: keys}
	session, err := sealed.connect(t.Context())
	require.NoError(t, err)
	t.Cleanup(session.Close)
	g.session, g.store, g.keys = session, ledger.Store{Client: session.Client}, keys
	testCanary(t, g)
}

var metricsLine = regexp.MustCompile(`metrics on (http://\S+)`)

// metrics are those of the second worker.
func (g *ground) metrics(t *testing.T) []byte {
	t.Helper()
	at := metricsLine.FindStringSubmatch(g.second.said.String())
	require.NotNil(t, at)
	c := retryable.NewClient()
	c.Logger = nil
	response, err := c.Get(at[1])
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Contains(t, string(text), "lazaret_")
	return text
}

// unpacked are the parts of a bundle by their names.
func unpacked(t *testing.T, file string) map[string][]byte {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	plain, err := zstd.NewReader(bytes.NewReader(data))
	require.NoError(t, err)
	defer plain.Close()
	parts := map[string][]byte{}
	for archive := tar.NewReader(plain); ; {
		header, err := archive.Next()
		if err == io.EOF { //nolint:errorlint // as archive/tar says
			return parts
		}
		require.NoError(t, err)
		parts[header.Name], err = io.ReadAll(archive)
		require.NoError(t, err)
		require.False(t, strings.HasPrefix(header.Name, "/"))
	}
}
