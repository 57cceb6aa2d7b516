package workflows

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
)

const (
	// keptHeads bounds what an anchor keeps.
	keptHeads = 200
	// renewAnchorAfter bounds the heads that one run takes, and so its history.
	renewAnchorAfter = 500
)

// keepAnchor keeps the heads of one audit log. A head counts if the key of the
// log has signed it, the key is the one that the workflow's id names, and it is
// newer than those before: what a thief of the log signs afterwards cannot take the
// place of what stands here.
func keepAnchor(ctx workflow.Context, a contract.Anchor) error {
	if workflow.GetInfo(ctx).WorkflowExecution.ID != contract.AnchorID(a.Key) {
		return temporal.NewNonRetryableApplicationError("the key is not the one that the execution's id names", contract.ValidationError, nil)
	}
	err := workflow.SetQueryHandlerWithOptions(ctx, contract.AnchorQuery, func() (contract.Anchor, error) { return a, nil },
		workflow.QueryHandlerOptions{Description: "the newest heads of the audit log"})
	if err != nil {
		return err
	}
	heads := workflow.GetSignalChannel(ctx, contract.AnchorSignal)
	for range renewAnchorAfter {
		var head contract.AuditHead
		heads.Receive(ctx, &head)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		anchorHead(&a, head)
	}
	var head contract.AuditHead
	for heads.ReceiveAsync(&head) {
		anchorHead(&a, head)
	}
	return workflow.NewContinueAsNewError(ctx, contract.AuditAnchor, a)
}

func anchorHead(a *contract.Anchor, head contract.AuditHead) {
	newest := uint64(0)
	if n := len(a.Heads); n > 0 {
		newest = a.Heads[n-1].Seq
	}
	if head.Seq <= newest || !head.Verify(a.Key) {
		a.Refused++
		return
	}
	a.Heads = append(a.Heads, head)
	if extra := len(a.Heads) - keptHeads; extra > 0 {
		a.Heads = append([]contract.AuditHead(nil), a.Heads[extra:]...)
	}
}
