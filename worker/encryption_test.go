package worker

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/encoding/protojson"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/worker/install"
	"lazaret.dev/lazaret/workflows/definition"
)

// sealedText has the canary where data and words of a run can be.
const sealedText = `
document: {dsl: 1.0.3, namespace: sealed, name: every-place, version: 1.0.0, title: Title canary-4711, metadata: {schedule: {input: {word: canary-4711}}}}
schedule: {cron: 0 0 1 1 *}
do:
  - keep: {set: {word: '${ .word }', constant: canary-4711}}
  - say canary-4711:
      run:
        script:
          language: python
          environment: {WORD: '${ .word }'}
          arguments: {word: '${ .word }'}
          code: |
            import os, sys, time  # canary-4711
            time.sleep(1.5)  # long enough for a heartbeat
            try: open("/etc/shadow-canary-4711")
            except OSError: pass
            print(word, os.environ["WORD"], end="")
            print("canary-4711", file=sys.stderr)
  - each: {for: {each: n, in: '${ [1, 2] }'}, do: [{one: {set: {n: '${ $n }', word: canary-4711}}}]}
  - fail: {raise: {error: {type: 'https://example.com/e', status: 422, title: Title canary-4711, detail: '${ "detail canary-" + "4711" }'}}}
`

const canary = "canary-4711"

// TestEncryption runs a definition that says a word everywhere on an embedded
// Temporal with sealed payloads: started with plain JSON by a client that has no
// key, by our own, and by a schedule. The word is nowhere in the database (A11, A40, A41).
func TestEncryption(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	up, plain := startUp(t, dir, nil, "--payload-keys", "auto", "--level", "standard")
	home := plain.install
	a := &app{stateDir: dir, logFormat: "console", logLevel: "error", stderr: io.Discard, stdout: io.Discard, output: "json"}
	sealed, err := a.connect(t.Context())
	require.NoError(t, err)
	defer sealed.Close()

	publishText(t, sealed, sealedText)
	entries, err := sealed.store().List(t.Context())
	for err == nil && len(entries) == 0 { // the visibility store may lag
		entries, err = sealed.store().List(t.Context())
	}
	require.NoError(t, err)
	assert.Equal(t, "sealed/every-place", entries[0].Name, "read from a sealed memo")

	done, err := sealed.applySchedule(t.Context(), bundleOf(t, sealedText))
	require.NoError(t, err)
	handle := sealed.ScheduleClient().GetHandle(t.Context(), done.ID)
	assert.Equal(t, "1.0.0", described(t, sealed, handle).Version, "read from a sealed argument")

	def, err := definition.Parse("definition.yaml", []byte(sealedText))
	require.NoError(t, err)
	own, err := sealed.begin(t.Context(), &prepared{bundle: &bundle{def: def}, start: contract.Start{
		Definition: contract.Source{File: "definition.yaml", Document: sealedText, Digest: def.Digest},
		Input:      []byte(`{"word": "canary-4711"}`),
	}}, "own")
	require.NoError(t, err)
	byName, err := sealed.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{TaskQueue: contract.TaskQueue, ID: "by-name"}, "sealed/every-place", map[string]any{"word": canary})
	require.NoError(t, err)
	scheduled, err := resultOf(t, sealed, runOf(sealed, triggered(t, sealed, done.ID)))
	requireFaultOf(t, err, "https://example.com/e", "detail canary-4711")
	require.Nil(t, scheduled)
	for _, run := range []client.WorkflowRun{own, byName} {
		_, err := resultOf(t, sealed, run)
		requireFaultOf(t, err, "https://example.com/e", "detail canary-4711")
	}

	// Who has no key gets nothing out of it, and what is stored holds nothing.
	err = plain.GetWorkflow(t.Context(), "own", "").Get(t.Context(), nil)
	require.ErrorContains(t, err, "Encoded failure")
	assert.NotContains(t, err.Error(), canary)
	for _, file := range []string{"temporal.db", "temporal.db-wal"} {
		requireNoWord(t, filepath.Join(dir, file), canary)
	}
	code, answer := openPayloads(t, home, inputOf(t, plain, "own"), home.Token(install.CLI))
	require.Equal(t, http.StatusOK, code)
	var opened commonpb.Payloads
	require.NoError(t, protojson.Unmarshal([]byte(answer), &opened))
	assert.Contains(t, string(opened.GetPayloads()[0].GetData()), canary, "the codec of the Web UI opens it")
	code, _ = openPayloads(t, home, inputOf(t, plain, "own"), "wrong")
	assert.Equal(t, http.StatusUnauthorized, code)

	// Plain JSON, from a client without a key, is taken: it is what the temporal CLI sends.
	unsealed, err := plain.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{TaskQueue: contract.TaskQueue}, "sealed/every-place", map[string]any{"word": "plain"})
	require.NoError(t, err)
	_, err = resultOf(t, sealed, runOf(sealed, unsealed.GetID()))
	requireFaultOf(t, err, "https://example.com/e", "detail")

	require.NoError(t, up.Process.Signal(os.Interrupt))
	_ = up.Wait()
	for _, file := range []string{"temporal.toml", "up.json"} {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err == nil {
			assert.NotContains(t, string(text), "secret")
		}
	}
}

func runOf(s *session, id string) client.WorkflowRun {
	return s.GetWorkflow(context.Background(), id, "")
}

// requireNoWord looks for a word as it is and in base64.
func requireNoWord(t *testing.T, file, word string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return
	}
	require.NoError(t, err)
	for _, form := range []string{word, innerBase64(word, 1), innerBase64(word, 2), base64.StdEncoding.EncodeToString([]byte(word))[:len(word)]} {
		at := bytes.Index(data, []byte(form))
		require.Negative(t, at, "%s holds %q: %q", file, form, data[max(0, at-200):min(len(data), max(0, at)+200)])
	}
}

// inputOf is an execution's input as it is stored.
func inputOf(t *testing.T, s *session, id string) *commonpb.Payloads {
	t.Helper()
	events := s.GetWorkflowHistory(t.Context(), id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	event, err := events.Next()
	require.NoError(t, err)
	return event.GetWorkflowExecutionStartedEventAttributes().GetInput()
}

// openPayloads asks the embedded server's codec, as the UI does.
func openPayloads(t *testing.T, home *install.Install, payloads *commonpb.Payloads, token string) (int, string) {
	t.Helper()
	found, _, err := home.Running()
	require.NoError(t, err)
	body, err := protojson.Marshal(payloads)
	require.NoError(t, err)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+found.UIAddress+"/codec/decode", strings.NewReader(string(body)))
	require.NoError(t, err)
	request.Header.Set("X-Namespace", "default")
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(answer)
}

// TestEncryption_RefusePlain: such a worker takes nothing from who has no key.
func TestEncryption_RefusePlain(t *testing.T) {
	t.Parallel()
	keys := filepath.Join(t.TempDir(), "payload.keys")
	a := &app{stderr: io.Discard, stdout: io.Discard}
	require.Equal(t, 0, a.execute(t.Context(), []string{"keys", "create", keys}))
	temporal := startWorkerless(t)
	temporal.startWorker(t, "--payload-keys", keys, "--refuse-plain")
	run := startPlain(t, temporal.session, "sealed/none", map[string]any{"word": "plain"})
	_, err := resultOf(t, temporal.session, run)
	require.Error(t, err)

	options := localOptions(temporal.home, temporal.address, install.CLI)
	_, err = a.encrypt(&options, keys)
	require.NoError(t, err)
	c, err := a.dial(t.Context(), options)
	require.NoError(t, err)
	defer c.Close()
	_, err = resultOf(t, &session{Client: c}, runOf(&session{Client: c}, run.GetID()))
	requireFaultOf(t, err, contract.ValidationError, "it is not encrypted")
}
