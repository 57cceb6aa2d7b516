package worker

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/go-retryablehttp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"

	"lazaret.dev/lazaret/workflows/definition"
)

// TestSecrets_AreNowhere runs every case that reads secrets, and looks for their
// values in the whole history, in the database behind it, in the audit log, in the
// metrics and in what the worker logs at its most talkative, whichever way they came
// in: environment, file, credential, Vault (A40, corner case 28).
func TestSecrets_AreNowhere(t *testing.T) {
	s := temporalSession(t)
	files, err := filepath.Glob(filepath.Join(caseFolder, "*.txtar"))
	require.NoError(t, err)
	var log bytes.Buffer
	seen := 0
	for _, file := range files {
		c := readCase(t, file)
		if !strings.Contains(c.definition, "secrets: [") {
			continue
		}
		def, err := definition.Parse("definition.yaml", []byte(c.definition))
		if err != nil {
			continue
		}
		run := c.begin(t, s, def)
		first := run.GetRunID()
		_, err = follow(t.Context(), s.Client, run, nil)
		if err != nil {
			log.WriteString(err.Error())
		}
		data, err := temporalproto.CustomJSONMarshalOptions{}.Marshal(&historypb.History{Events: historyEvents(t, s, run.GetID(), first)})
		require.NoError(t, err)
		requireNoCanary(t, filepath.Base(file)+"'s history", data)
		seen++
	}
	require.Greater(t, seen, 8, "cases with secrets")
	requireNoCanary(t, "errors", log.Bytes())
	asker := retryablehttp.NewClient()
	asker.Logger = nil
	metrics, err := asker.Get("http://" + sharedTemporal.monitor.address() + "/metrics")
	require.NoError(t, err)
	defer metrics.Body.Close() //nolint:errcheck // read
	text, err := io.ReadAll(metrics.Body)
	require.NoError(t, err)
	require.Contains(t, string(text), "lazaret_sandbox_runs_total")
	requireNoCanary(t, "metrics", text)
	said, err := os.ReadFile(sharedTemporal.log.Name())
	require.NoError(t, err)
	require.Contains(t, string(said), `"level":"debug"`, "the walk below reads it with the rest of the folder")
	stored := 0
	require.NoError(t, filepath.WalkDir(sharedTemporal.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || strings.HasPrefix(entry.Name(), "secret-") {
			return err
		}
		data, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			return nil
		}
		stored += len(data)
		requireNoCanary(t, path, data)
		return err
	}))
	require.Positive(t, stored)
	assert.Contains(t, log.String(), "*****", "a case whose error would have shown one")
}

// requireNoCanary looks for the canaries as they are, as they stand in JSON and URLs,
// and in base64, also in what is itself base64, as payloads in a history are.
func requireNoCanary(t *testing.T, where string, data []byte) {
	t.Helper()
	for _, form := range canaryForms() {
		require.False(t, bytes.Contains(data, []byte(form)), "%s holds %q", where, form)
	}
	require.False(t, bytes.Contains(data, []byte("issued-")), "%s holds an access token", where)
}

// canaryForms are all secret texts in the ways that they may stand somewhere.
var canaryForms = sync.OnceValue(func() []string {
	var forms []string
	for _, word := range canaryWords() {
		quoted, _ := json.Marshal(word)
		inJSON := string(quoted[1 : len(quoted)-1])
		plainJSON := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(inJSON)
		for _, form := range []string{word, inJSON, plainJSON, url.QueryEscape(word), url.PathEscape(word)} {
			forms = append(forms, form, base64.StdEncoding.EncodeToString([]byte(form))[:len(form)], innerBase64(form, 1), innerBase64(form, 2))
		}
	}
	slices.Sort(forms)
	return slices.Compact(forms)
})

// innerBase64 is the middle of a word's base64, shift bytes into a group.
func innerBase64(word string, shift int) string {
	text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + word))
	return text[4 : len(text)-4]
}

// canaryWords are all secret texts, of those of the cases.
func canaryWords() []string {
	var words []string
	for _, value := range canaries {
		var object map[string]any
		if json.Unmarshal([]byte(value), &object) != nil {
			words = append(words, value)
		}
	}
	return append(words, "canary-login-4711", "canary-client-0815", vaultToken)
}

// TestRequireNoCanary_Finds shows that the search can fail: payloads in a
// history's JSON are base64.
func TestRequireNoCanary_Finds(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"token", "password"} {
		inner, err := json.Marshal(map[string]string{"k": canaries[name]})
		require.NoError(t, err)
		payload := base64.StdEncoding.EncodeToString(inner)
		assert.True(t, slices.ContainsFunc(canaryForms(), func(form string) bool { return strings.Contains(payload, form) }), name)
	}
}
