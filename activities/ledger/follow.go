package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/query"
)

// position is how far the register's history was when it was last read: any word
// to it makes the history longer.
type position struct {
	run    string
	length int64
}

// Follow keeps the gate's knowledge fresh until ctx ends. It asks the server how
// long the register's history is, which costs no workflow task, and reads the
// register only when that has changed. A word to the register wakes it before its
// time.
func (g *Gate) Follow(ctx context.Context) {
	ticker := time.NewTicker(followEvery)
	defer ticker.Stop()
	woken := make(chan struct{}, 1)
	var listener sync.WaitGroup
	listener.Go(func() { listen(ctx, g.Client, cmp.Or(g.Namespace, client.DefaultNamespace), woken) })
	defer listener.Wait()
	said := ""
	for {
		began := time.Now()
		err := g.sync(ctx)
		switch {
		case err == nil:
			g.heard(began)
			said = ""
		case ctx.Err() != nil:
			return
		case g.Trouble != nil && err.Error() != said:
			said = err.Error()
			g.Trouble(fmt.Errorf("register of what is held: %w", err))
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-woken:
		}
	}
}

const (
	// syncTimeout leaves the server time to ask elsewhere: it gives a worker that had
	// the register in its cache, and is dead, 5 s to answer.
	syncTimeout = 8 * time.Second
	// searchEvery is how often ledgers are searched for what is held where there was
	// never a register.
	searchEvery = 10 * time.Second
)

func (g *Gate) sync(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, syncTimeout)
	defer cancel()
	at, quiet, err := locateRegister(ctx, g.Client)
	if errors.Is(err, errNoRegister) {
		return g.begin(ctx)
	}
	if err != nil || at == g.last {
		return err
	}
	if quiet {
		g.set(nil)
		g.last = at
		return nil
	}
	register, err := readRegister(ctx, g.Client)
	if err != nil {
		return err
	}
	g.set(register.Held)
	g.last = at
	return nil
}

// errNoRegister says that no register runs.
var errNoRegister = errors.New("there is no register")

// locateRegister says how far the register's history is. It is quiet when nothing
// is held and no word to it is still unheard.
func locateRegister(ctx context.Context, c client.Client) (at position, quiet bool, err error) {
	d, err := c.DescribeWorkflowExecution(ctx, contract.RegisterID, "")
	if _, missing := errors.AsType[*serviceerror.NotFound](err); missing {
		return at, false, errNoRegister
	}
	if err != nil {
		return at, false, err
	}
	info := d.GetWorkflowExecutionInfo()
	if info.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return at, false, errNoRegister
	}
	held := -1
	if memo := info.GetMemo().GetFields()[contract.MemoHeld]; memo != nil {
		if err := converter.GetDefaultDataConverter().FromPayload(memo, &held); err != nil {
			held = -1 // it is encrypted; the register itself will tell
		}
	}
	return position{info.GetExecution().GetRunId(), info.GetHistoryLength()}, held == 0 && d.GetPendingWorkflowTask() == nil, nil
}

func readRegister(ctx context.Context, c client.Client) (contract.Register, error) {
	var register contract.Register
	err := query.Workflow(ctx, c, contract.RegisterID, contract.RegisterQuery, &register)
	return register, err
}

// begin starts a register from what the ledgers say: the first one, or one in the
// place of a register that somebody has ended.
func (g *Gate) begin(ctx context.Context) error {
	never := g.last == (position{})
	if never && time.Now().Before(g.search) {
		return nil
	}
	names, err := listLedgers(ctx, g.Client, contract.AttributeState+" IN ('"+contract.LedgerQuarantined+"', '"+contract.LedgerPendingReview+"')", 0)
	if err != nil {
		return err
	}
	if len(names) == 0 && never {
		g.set(nil)
		g.search = time.Now().Add(searchEvery)
		return nil // nothing was ever held: no need of one
	}
	var register contract.Register
	for _, name := range names {
		var ledger contract.Ledger
		if err := query.Workflow(ctx, g.Client, name.ID, contract.LedgerQuery, &ledger); err != nil {
			return fmt.Errorf("ledger of %s: %w", name.Name, err)
		}
		if contract.LedgerHolds(ledger.State) {
			register.Held = append(register.Held, heldOf(ledger))
		}
	}
	_, err = g.Client.ExecuteWorkflow(ctx, registerOptions(), contract.RegisterWorkflow, register)
	return err
}

func registerOptions() client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID:                       contract.RegisterID,
		TaskQueue:                contract.TaskQueue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		StaticSummary:            "definitions in quarantine",
	}
}

// The most digests that travel with one definition: the newest.
const maxHeldDigests = 32

func heldOf(l contract.Ledger) contract.Held {
	h := contract.Held{
		Namespace: l.Namespace, Name: l.Name, State: l.State, Revision: l.Revision, Since: l.Since,
		Reason: l.Reason, Incident: l.Incident, Action: l.Action, Scripts: l.Scripts,
	}
	for _, v := range l.Versions {
		h.Digests = append(h.Digests, v.Digest)
	}
	h.Digests, h.Scripts = newest(h.Digests), newest(h.Scripts)
	return h
}

func newest(list []string) []string { return list[max(0, len(list)-maxHeldDigests):] }

func summaryOf(ctx context.Context, c client.Client, namespace, name string) (contract.LedgerSummary, error) {
	var s contract.LedgerSummary
	err := query.Workflow(ctx, c, contract.LedgerID(namespace, name), contract.SummaryQuery, &s)
	return s, err
}
