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
	"strings"
	"sync"
	"sync/atomic"
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
// 10,000 of 1,000, which LAZARET_BURST=10000/1000 asks for. That has another burst of
// the same definitions follow.
func burstSize(t *testing.T) (violations, definitions, rounds int) {
	t.Helper()
	text := os.Getenv(burst)
	if text == "" {
		return 400, 40, 1
	}
	_, err := fmt.Sscanf(text, "%d/%d", &violations, &definitions)
	require.NoError(t, err, burst+" is violations/definitions, such as 10000/1000")
	return violations, definitions, 2
}

// testBurst: of many violations of many definitions none is lost or counted twice,
// though each is reported twice, and no history outgrows its limit: ledger and
// register continue as new. How much memory that takes depends on the definitions.
func testBurst(t *testing.T, g *ground) {
	t.Helper()
	violations, definitions, rounds := burstSize(t)
	b := &burstOf{ground: g, filer: g.filer(t), definitions: definitions, patience: 2*time.Minute + time.Duration(violations)*20*time.Millisecond}
	go b.filer.Drain(t.Context()) // as a worker does: what the server did not take in time waits in the spool
	t.Logf("before: %v", g.memories(t))
	// First each of the definitions becomes known.
	b.fileAll(t, definitions)
	b.awaitAll(t)
	t.Logf("%d definitions are known: %v", definitions, g.collected(t))
	var kept []memories
	for range rounds {
		began := time.Now()
		b.fileAll(t, violations)
		t.Logf("%d violations filed twice after %s", violations, time.Since(began).Round(time.Millisecond))
		b.awaitAll(t)
		t.Logf("all judged after %s", time.Since(began).Round(time.Millisecond))
		kept = append(kept, g.collected(t))
		t.Logf("%d violations are judged: %v", b.filed, kept[len(kept)-1])
	}
	b.assertFlat(t, kept[0], kept[len(kept)-1])
	testHammered(t, b)
	pollUntil(t, "the register has them all", func() bool { return b.held(t) == definitions+1 })
	testRegisterGoesOn(t, b)
	longest := int64(0)
	for _, id := range append(g.burstLedgers(definitions), contract.RegisterID) {
		d, err := g.DescribeWorkflowExecution(t.Context(), id, "")
		require.NoError(t, err)
		longest = max(longest, d.GetWorkflowExecutionInfo().GetHistoryLength())
	}
	t.Logf("longest history of a ledger or of the register: %d events", longest)
	assert.Less(t, longest, int64(10_240))
}

// burstOf files violations of so many definitions, and knows how many it has filed.
type burstOf struct {
	*ground
	filer              *ledger.Filer
	definitions, filed int
	patience           time.Duration
}

// file reports a violation, twice.
func (b *burstOf) file(t *testing.T, name string, n int) {
	t.Helper()
	report := contract.ViolationReport{Namespace: "burst", Name: name, Violations: []contract.Violation{{
		ID: fmt.Sprintf("%s-%d", name, n), Type: "UnauthorizedFileAccess", Severity: "Medium", Count: 1, At: time.Now(), Level: "strict",
	}}}
	for range 2 {
		assert.NoError(t, b.filer.Tell(t.Context(), report))
	}
}

// fileAll reports so many violations, all definitions taking turns, and says what
// memory each 1,000 of them came to.
func (b *burstOf) fileAll(t *testing.T, violations int) {
	t.Helper()
	first, done := b.filed/b.definitions, atomic.Int64{}
	inParallel(16, violations, func(n int) {
		b.file(t, fmt.Sprint("victim-", n%b.definitions), first+n/b.definitions)
		if filed := done.Add(1); filed%1000 == 0 {
			t.Logf("%d violations filed: %v", b.filed+int(filed), b.memories(t))
		}
	})
	b.filed += violations
}

// awaitAll waits until all that was filed is judged: once each, and from the third on
// each definition is put away, once.
func (b *burstOf) awaitAll(t *testing.T) {
	t.Helper()
	each := b.filed / b.definitions
	for n := range b.definitions {
		name := fmt.Sprint("burst/victim-", n)
		l := b.judged(t, name, each)
		require.Equal(t, each, l.Total, name)
		if each >= 3 {
			require.Equal(t, contract.LedgerQuarantined, l.State, name)
			require.Len(t, l.Incidents, 1, name)
		}
	}
}

// judged waits for so many verdicts: what is filed waits for its own longer, the more
// there is.
func (b *burstOf) judged(t *testing.T, name string, total int) (l contract.Ledger) {
	t.Helper()
	require.Eventually(t, func() bool {
		l = b.ledger(t, name)
		return l.Total >= total
	}, b.patience, 20*time.Millisecond, name+" has all")
	return l
}

// held is how many of them the register has.
func (b *burstOf) held(t *testing.T) (n int) {
	t.Helper()
	all, err := b.store.Held(t.Context())
	if err != nil {
		return -1
	}
	for _, h := range all {
		if h.Namespace == "burst" {
			n++
		}
	}
	return n
}

// testHammered: one definition gets more than a run of its ledger takes.
func testHammered(t *testing.T, b *burstOf) {
	t.Helper()
	inParallel(16, 230, func(n int) { b.file(t, "hammered", n) })
	l := b.judged(t, "burst/hammered", 230)
	assert.Equal(t, 230, l.Total)
	assert.Equal(t, contract.LedgerQuarantined, l.State)
	pollUntil(t, "the ledger has continued as new", func() bool {
		d, err := b.DescribeWorkflowExecution(t.Context(), contract.LedgerID("burst", "hammered"), "")
		return err == nil && d.GetWorkflowExecutionInfo().GetFirstRunId() != d.GetWorkflowExecutionInfo().GetExecution().GetRunId()
	})
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
func testRegisterGoesOn(t *testing.T, b *burstOf) {
	t.Helper()
	run := func() string {
		d, err := b.DescribeWorkflowExecution(t.Context(), contract.RegisterID, "")
		require.NoError(t, err)
		return d.GetWorkflowExecutionInfo().GetExecution().GetRunId()
	}
	before := run()
	const words = 320
	inParallel(16, words, func(n int) {
		word, err := b.filer.Key.Sign(ledger.ForHeld, contract.Held{Namespace: "burst", Name: "word", State: contract.LedgerActive, Revision: int64(n) + 1})
		assert.NoError(t, err)
		assert.NoError(t, b.SignalWorkflow(t.Context(), contract.RegisterID, "", contract.HeldSignal, word))
	})
	pollUntil(t, "the register has continued as new", func() bool { return run() != before })
	assert.Equal(t, b.definitions+1, b.held(t))
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
