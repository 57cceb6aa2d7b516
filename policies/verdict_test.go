package policies_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

var judgedAt = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func violationsOf(n int, severity sandbox.Severity, age time.Duration) []policies.Recorded {
	list := make([]policies.Recorded, n)
	for i := range list {
		list[i] = policies.Recorded{Severity: severity, At: judgedAt.Add(-age)}
	}
	return list
}

// TestJudge_Levels is the table of severity × level (A16, A21–A23, A26): how many
// violations of each severity a definition may have before it is put away.
func TestJudge_Levels(t *testing.T) {
	const never = 0
	for level, after := range map[policies.Level]map[sandbox.Severity]int{
		policies.Maximum:  {sandbox.Low: never, sandbox.Medium: 1, sandbox.High: 1, sandbox.Critical: 1},
		policies.Strict:   {sandbox.Low: never, sandbox.Medium: 3, sandbox.High: 3, sandbox.Critical: 1},
		policies.Standard: {sandbox.Low: never, sandbox.Medium: 5, sandbox.High: 5, sandbox.Critical: 1},
		policies.Minimal:  {sandbox.Low: never, sandbox.Medium: never, sandbox.High: never, sandbox.Critical: never},
	} {
		effective, err := policies.LevelDefaults(level)
		require.NoError(t, err)
		for severity, limit := range after {
			for n := 1; n <= 12; n++ {
				v := effective.Thresholds.Judge(violationsOf(n, severity, 0), n-1, policies.Standing{}, judgedAt)
				what := fmt.Sprintf("%s: %d of %s: %+v", level, n, severity, v)
				assert.Equal(t, limit != never && n >= limit, v.Decision == policies.DecisionQuarantine, what)
				assert.Equal(t, severity == sandbox.Low, v.Decision == policies.DecisionAllow, what)
				assert.Equal(t, severity >= sandbox.High, v.Notify, what)
				alerted := level == policies.Minimal && (severity == sandbox.Critical || severity > sandbox.Low && n >= 10)
				assert.Equal(t, alerted, v.Alert, what)
			}
		}
	}
}

func TestJudge_Recorded(t *testing.T) {
	five := policies.Thresholds{Quarantine: policies.Quarantine{After: 5, Automatic: true}, Decay: time.Hour, Watch: 2, WatchFor: time.Hour}
	for name, test := range map[string]struct {
		thresholds policies.Thresholds
		recorded   []policies.Recorded
		newest     int
		standing   policies.Standing
		want       policies.Judgement
	}{
		"nothing": {thresholds: five, want: policies.Judgement{Decision: policies.DecisionAllow, Limit: 5, Reason: "no violation that counts"}},
		"old ones no longer count": {
			thresholds: five, recorded: append(violationsOf(4, sandbox.Medium, 2*time.Hour), violationsOf(1, sandbox.Medium, 0)...), newest: 4,
			want: policies.Judgement{Decision: policies.DecisionWarn, Counted: 1, Limit: 5, Reason: "1 of 5 violations that count"},
		},
		"at the very end of its time one counts": {
			thresholds: five, recorded: violationsOf(5, sandbox.Medium, time.Hour), newest: 4,
			want: policies.Judgement{Decision: policies.DecisionQuarantine, Counted: 5, Limit: 5, Reason: "5 of 5 violations that count"},
		},
		"those before the release do not count": {
			thresholds: five, recorded: append(violationsOf(5, sandbox.Critical, time.Minute), violationsOf(1, sandbox.Medium, 0)...), newest: 5,
			standing: policies.Standing{Since: judgedAt.Add(-time.Second), Watched: true},
			want:     policies.Judgement{Decision: policies.DecisionWarn, Counted: 1, Limit: 2, Reason: "1 of 2 violations that count while it is watched"},
		},
		"less is enough while it is watched": {
			thresholds: five, recorded: violationsOf(2, sandbox.Medium, 0), newest: 1, standing: policies.Standing{Watched: true},
			want: policies.Judgement{Decision: policies.DecisionQuarantine, Counted: 2, Limit: 2, Reason: "2 of 2 violations that count while it is watched"},
		},
		"an old critical one is judged once": {
			thresholds: five, recorded: append(violationsOf(1, sandbox.Critical, time.Minute), violationsOf(1, sandbox.Medium, 0)...), newest: 1,
			want: policies.Judgement{Decision: policies.DecisionWarn, Counted: 2, Limit: 5, Reason: "2 of 5 violations that count"},
		},
		"an old high one is told once": {
			thresholds: five, recorded: append(violationsOf(1, sandbox.High, time.Minute), violationsOf(1, sandbox.Low, 0)...), newest: 1,
			want: policies.Judgement{Decision: policies.DecisionWarn, Counted: 1, Limit: 5, Reason: "1 of 5 violations that count"},
		},
		"no limit but a critical one": {
			thresholds: policies.Thresholds{Quarantine: policies.Quarantine{Automatic: true}}, recorded: violationsOf(100, sandbox.High, 0), newest: 99,
			want: policies.Judgement{Decision: policies.DecisionWarn, Counted: 100, Notify: true, Reason: "100 violations that count"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, test.thresholds.Judge(test.recorded, test.newest, test.standing, judgedAt))
		})
	}
}
