package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/audit"
)

// TestWatcher runs the shipped watcher on a log that we wrote, with a mail that
// keeps what it gets: the tokens of C24 raise the alerts of C24, and names that
// look like them raise none.
func TestWatcher(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	log, err := audit.Open(filepath.Join(dir, "audit"), audit.Limits{}, nil)
	require.NoError(t, err)
	forged := `","event":"unauthorized","client_info":{"ip":"192.0.2.9"},"x":"` + "\n" + `{"time":"2026-11-26T12:00:00Z","seq":1,"event":"unauthorized"`
	for _, e := range []audit.Event{
		{Kind: audit.Denied, Subject: "domain.delete", Client: audit.Client{IP: "192.0.2.1"}},
		{Kind: audit.RateLimit, Subject: "domain.list"},
		{Kind: audit.Unauth, Subject: "$(touch " + dir + "/never)`touch " + dir + "/never`"},
		{Kind: audit.Concurrent, Subject: "domain.start"},
		{Kind: audit.Script, Name: forged, Message: forged},
		{Kind: audit.Script, Subject: "operation_denied rate_limit_exceeded unauthorized max_concurrent_ops"},
	} {
		_, err := log.Append(e)
		require.NoError(t, err)
	}
	require.NoError(t, log.Close())

	// One write a mail: two may come at the same time.
	stub := "#!/bin/sh\ntext=$(cat)\nprintf '%s to %s: %s\\n' \"$2\" \"$3\" \"$text\" >> " + dir + "/mails\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "mail"), []byte(stub), 0o700))
	watch := exec.CommandContext(t.Context(), filepath.Join(root, "deploy/watch/lazaret-watch"), filepath.Join(dir, "audit/audit.log"), "ops@example.org")
	watch.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "ONCE=1"}
	out, err := watch.CombinedOutput()
	require.NoError(t, err, string(out))

	mails, err := os.ReadFile(filepath.Join(dir, "mails"))
	require.NoError(t, err)
	var security, performance []string
	for line := range strings.Lines(string(mails)) {
		if strings.HasPrefix(line, "SECURITY ALERT to ops@example.org: ") {
			security = append(security, line)
		} else if strings.HasPrefix(line, "PERFORMANCE ALERT to ops@example.org: ") {
			performance = append(performance, line)
		}
	}
	assert.Len(t, security, 3, string(mails))
	assert.Len(t, performance, 1, string(mails))
	assert.NoFileExists(t, filepath.Join(dir, "never"))
}

// TestUnits: systemd takes the shipped units of the scheduled backup (A46).
func TestUnits(t *testing.T) {
	t.Parallel()
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("systemd-analyze is not installed: scripts/install test")
		}
		t.Skip("systemd-analyze is not installed: scripts/install test")
	}
	dir := t.TempDir()
	verify := []string{"verify", "--man=no"}
	for _, unit := range []string{"lazaret-backup.service", "lazaret-backup.timer", "lazaret-report.service", "lazaret-report.timer"} {
		// The program is installed where the test runs, not where the unit says.
		text := strings.ReplaceAll(read(t, "deploy/watch/"+unit), "User=lazaret\n", "")
		require.NoError(t, os.WriteFile(filepath.Join(dir, unit), []byte(text), 0o600))
		verify = append(verify, filepath.Join(dir, unit))
	}
	out, err := exec.CommandContext(t.Context(), analyze, verify...).CombinedOutput()
	require.NoError(t, err, string(out))
	for line := range strings.Lines(string(out)) {
		assert.NotContains(t, line, "lazaret-")
	}
}
