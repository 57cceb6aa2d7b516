package worker

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"lazaret.dev/lazaret/activities/audit"
	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
)

// auditLines keeps what is recorded, until it is full.
type auditLines struct {
	events []audit.Event
	full   bool
}

func (a *auditLines) Append(e audit.Event) (uint64, error) {
	if a.full {
		return 0, errors.New("no space left on device")
	}
	a.events = append(a.events, e)
	return uint64(len(a.events)), nil
}

const (
	policyA = "policy: 1\nrules: [{name: a, match: {namespace: x}, level: strict}]\n"
	policyB = "policy: 1\nrules: [{name: b, match: {namespace: x}, level: standard}]\n"
)

// watchedPolicy is a policy in a file, and the watch over it.
func watchedPolicy(t *testing.T, text string) (*policyWatch, *auditLines, func(text string)) {
	t.Helper()
	dir := t.TempDir()
	source := &policySource{file: filepath.Join(dir, "policy.yaml"), options: readPolicyOptions(), record: acceptedRevisions{filepath.Join(dir, "state", revisionsFile)}}
	write := func(text string) {
		require.NoError(t, os.WriteFile(source.file+".next", []byte(text), 0o600))
		require.NoError(t, os.Rename(source.file+".next", source.file))
	}
	write(text)
	p, err := source.load(false)
	require.NoError(t, err)
	source.current.Store(p)
	lines := &auditLines{}
	return &policyWatch{source: source, log: zerolog.Nop(), audit: lines}, lines, write
}

func (w *policyWatch) rule(t *testing.T) string {
	t.Helper()
	e, err := w.source.For(contract.TaskID{Namespace: "x", Name: "y"})
	require.NoError(t, err)
	return e.Rule
}

// TestPolicyWatch_NoGap: whoever asks while a policy is replaced, again and again,
// is answered by the one or the other, whole.
func TestPolicyWatch_NoGap(t *testing.T) {
	w, lines, write := watchedPolicy(t, policyA)
	over := make(chan struct{})
	var askers sync.WaitGroup
	wrong := make(chan policies.Effective, 4)
	for range 4 {
		askers.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				e, err := w.source.For(contract.TaskID{Namespace: "x", Name: "y"})
				whole := e.Rule == "a" && e.Level == policies.Strict || e.Rule == "b" && e.Level == policies.Standard
				if err != nil || !whole || e.PolicyDigest == "" {
					wrong <- e
					return
				}
			}
		})
	}
	for i := range 60 {
		write([]string{policyB, "policy: 1\nrules: [", policyA}[i%3])
		w.reload()
		require.Equal(t, []string{"b", "b", "a"}[i%3], w.rule(t))
	}
	close(over)
	askers.Wait()
	require.Empty(t, wrong)
	require.Len(t, lines.events, 60)
	require.Equal(t, "replaced", lines.events[0].Outcome)
	require.Equal(t, "refused", lines.events[1].Outcome)
	require.Contains(t, lines.events[1].Message, "policy.syntax")
	require.Equal(t, lines.events[0].Policy, lines.events[1].Policy, "the one that stays in force")
}

// TestPolicyWatch_Refuses: what must not come into force does not, whatever stands
// in the file, and the one before stays.
func TestPolicyWatch_Refuses(t *testing.T) {
	w, lines, write := watchedPolicy(t, "revision: 5\n"+policyA)
	for name, spoil := range map[string]func(){
		"older":           func() { write("revision: 4\n" + policyB) },
		"of no revision":  func() { write(policyB) },
		"same revision":   func() { write("revision: 5\n" + policyB) },
		"ambiguous":       func() { write("revision: 6\npolicy: 1\nrules: [{match: {namespace: x}}, {match: {namespace: x}}]") },
		"empty":           func() { write("") },
		"not there":       func() { require.NoError(t, os.Remove(w.source.file)) },
		"group-writable":  func() { write("revision: 6\n" + policyB); require.NoError(t, os.Chmod(w.source.file, 0o620)) },
		"a share missing": func() { write("revision: 6\npolicy: 1\nrules: [{match: {namespace: x}, shares: [/nowhere/at/all]}]") },
		"a sink's token missing": func() {
			w.prepare = func(p *policies.Policy) (func(), error) {
				_, err := eventOptions{}.under(p)
				return func() {}, err
			}
			write("revision: 6\npolicy: 1\nevents: {sinks: [{name: s, url: 'https://e.example.com/', source: a/b, types: [t], tokenFrom: NOT_SET_IN_THIS_TEST}]}")
		},
		"foreign": func() {
			write("revision: 6\n" + policyB)
			if os.Geteuid() == 0 {
				require.NoError(t, os.Chown(w.source.file, 12345, 12345))
			} else {
				require.NoError(t, os.Chmod(w.source.file, 0o602))
			}
		},
	} {
		before := len(lines.events)
		spoil()
		w.reload()
		require.Equal(t, "a", w.rule(t), name)
		require.Len(t, lines.events, before+1, name)
		require.Equal(t, "refused", lines.events[before].Outcome, name)
	}
	// What cannot be recorded does not come into force either.
	require.NoError(t, os.Remove(w.source.file))
	write("revision: 99\n" + policyB)
	lines.full = true
	w.reload()
	require.Equal(t, "a", w.rule(t))
	lines.full = false
	write("revision: 100\n" + policyB)
	w.reload()
	require.Equal(t, "b", w.rule(t))
}
