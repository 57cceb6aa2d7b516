package worker

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/audit"
)

// TestReportAudit: the report counts violations and quarantines, not the acts and
// violations that each line counts.
func TestReportAudit(t *testing.T) {
	t.Parallel()
	a := &app{auditDir: filepath.Join(t.TempDir(), "audit")}
	log, err := audit.Open(a.auditDir, audit.Limits{}, nil)
	require.NoError(t, err)
	for _, e := range []audit.Event{
		{Kind: audit.Violation, Namespace: "demo", Name: "x", Count: 40},
		{Kind: audit.Violation, Namespace: "demo", Name: "x", Count: 1},
		{Kind: audit.Quarantine, Namespace: "demo", Name: "x", Count: 3},
		{Kind: audit.Quarantine, Namespace: "demo", Name: "by-hand"},
	} {
		_, err := log.Append(e)
		require.NoError(t, err)
	}
	require.NoError(t, log.Close())
	var b strings.Builder
	a.reportAudit(&b, &operator{app: a, maxAge: 24 * time.Hour, now: time.Now()})
	for _, line := range []string{"| violation | 2 |", "| quarantine | 2 |", "| demo/x | 2 |"} {
		assert.Contains(t, b.String(), line+"\n")
	}
}
