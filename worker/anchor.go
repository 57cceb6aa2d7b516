package worker

import (
	"context"
	"crypto/ed25519"
	"errors"
	"time"

	"github.com/rs/zerolog"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"lazaret.dev/lazaret/activities/audit"
	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/query"
)

// anchorEvery is how often a worker anchors its audit log's newest head in
// Temporal, if there is a new one.
const anchorEvery = 5 * time.Minute

// anchoring anchors until it is stopped, and once more then.
type anchoring struct {
	client client.Client
	log    *audit.Log
	report zerolog.Logger
	last   uint64
	cancel context.CancelFunc
	done   chan struct{}
}

func startAnchoring(c client.Client, log *audit.Log, report zerolog.Logger) *anchoring {
	ctx, cancel := context.WithCancel(context.Background())
	a := &anchoring{client: c, log: log, report: report, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(a.done)
		ticker := time.NewTicker(anchorEvery)
		defer ticker.Stop()
		for {
			a.anchor(ctx)
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	}()
	return a
}

// anchor sends the newest head. Without Temporal it is tried again later: the log
// goes on, and the next head proves what this one would have.
func (a *anchoring) anchor(ctx context.Context) {
	head := a.log.Head()
	if head.Seq == a.last {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	key := a.log.PublicKey()
	_, err := a.client.SignalWithStartWorkflow(ctx, contract.AnchorID(key), contract.AnchorSignal, head,
		client.StartWorkflowOptions{TaskQueue: contract.TaskQueue, StaticSummary: "heads of an audit log"}, contract.AuditAnchor, contract.Anchor{Key: key})
	if err != nil {
		if ctx.Err() == nil || errors.Is(ctx.Err(), context.DeadlineExceeded) {
			a.report.Warn().Err(err).Msg("the audit log's head is not anchored")
		}
		return
	}
	a.last = head.Seq
}

// stopTimeout bounds the last head's way.
const lastHeadTimeout = 2 * time.Second

func (a *anchoring) stop() {
	if a == nil {
		return
	}
	a.cancel()
	<-a.done
	ctx, cancel := context.WithTimeout(context.Background(), lastHeadTimeout)
	defer cancel()
	a.anchor(ctx)
}

// anchoredHeads are the heads that Temporal keeps of the log with the key.
func (s *session) anchoredHeads(ctx context.Context, key ed25519.PublicKey) ([]audit.Head, error) {
	var kept contract.Anchor
	err := query.Workflow(ctx, s.Client, contract.AnchorID(key), contract.AnchorQuery, &kept)
	if _, missing := errors.AsType[*serviceerror.NotFound](err); missing {
		return nil, &exitError{code: exitFaulted, err: errors.New("no head of this log is kept in Temporal"), hint: "workers anchor it; name the key and the Temporal of the worker that wrote it"}
	}
	if err != nil {
		return nil, temporalError(err)
	}
	return kept.Heads, nil
}
