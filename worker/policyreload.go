package worker

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"lazaret.dev/lazaret/activities"
	"lazaret.dev/lazaret/activities/audit"
	"lazaret.dev/lazaret/policies"
)

// policyLookEvery is how often the file of a policy is looked at; SIGHUP has it
// read at once.
const policyLookEvery = time.Second

// policyWatch replaces a worker's policy when its file changes. What cannot be
// used changes nothing, and is said loudly: the policy in force stays.
type policyWatch struct {
	source  *policySource
	log     zerolog.Logger
	audit   activities.Auditor
	monitor *monitor
	seen    fileState
	// prepare, if set, makes what a policy needs beside itself, before it comes into
	// force: an error refuses it. What it returns is called once it is.
	prepare func(*policies.Policy) (inForce func(), err error)
}

// fileState is what tells that a file was changed or replaced.
type fileState struct {
	inode, size       int64
	modified, changed syscall.Timespec
	mode, owner       uint32
	err               string
}

func stateOf(file string) fileState {
	info, err := os.Stat(file)
	if err != nil {
		return fileState{err: err.Error()}
	}
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fileState{}
	}
	return fileState{inode: int64(s.Ino), size: s.Size, modified: s.Mtim, changed: s.Ctim, mode: s.Mode, owner: s.Uid} //nolint:gosec // compared only
}

// begin records the policy that a worker starts with, which nothing is done
// without. The file is not looked at here: it may be another by now than the one that
// was loaded, which the first look of run must notice.
func (w *policyWatch) begin() error {
	return w.accepted(w.source.current.Load(), "loaded")
}

// run looks at the file until the context ends.
func (w *policyWatch) run(ctx context.Context) {
	if w.source.file == "" {
		return
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	ticker := time.NewTicker(policyLookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
			w.seen = stateOf(w.source.file)
			w.reload()
		case <-ticker.C:
			if state := stateOf(w.source.file); state != w.seen {
				w.seen = state
				w.reload()
			}
		}
	}
}

// reload puts what the file says into force, or leaves what is.
func (w *policyWatch) reload() {
	before := w.source.current.Load()
	next, err := w.source.load(false)
	if err == nil && next.Digest == before.Digest {
		return
	}
	inForce := func() {}
	if err == nil && w.prepare != nil {
		inForce, err = w.prepare(next)
	}
	if err == nil {
		err = w.accepted(next, "replaced")
	}
	if err != nil {
		w.refused(before, err)
		return
	}
	w.source.current.Store(next)
	inForce()
}

// accepted records a policy before it comes into force: what cannot be recorded
// does not.
func (w *policyWatch) accepted(p *policies.Policy, outcome string) error {
	if w.audit != nil {
		_, err := w.audit.Append(audit.Event{
			Kind: audit.Policy, Subject: p.File, Outcome: outcome, Policy: p.Digest, Count: int64(p.Revision), Message: "policy " + outcome,
		})
		if err != nil {
			return auditError(err)
		}
	}
	w.monitor.policy("accepted")
	w.log.Info().Str("policy", p.File).Str("digest", p.Digest).Int("revision", p.Revision).Msg("policy " + outcome)
	return nil
}

func (w *policyWatch) refused(kept *policies.Policy, err error) {
	w.monitor.policy("refused")
	hint := ""
	if exit, ok := errors.AsType[*exitError](err); ok {
		hint = exit.hint
	}
	if w.audit != nil {
		_, problem := w.audit.Append(audit.Event{
			Kind: audit.Policy, Subject: w.source.file, Outcome: "refused", Policy: kept.Digest, Message: err.Error(),
		})
		err = errors.Join(err, problem)
	}
	w.log.Error().Err(err).Str("policy", w.source.file).Str("in_force", kept.Digest).Str("hint", hint).
		Msg("policy refused: the one before stays in force")
}
