package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"lazaret.dev/lazaret/activities/audit"
	"lazaret.dev/lazaret/activities/contract"
)

// firstWord bounds how long Enforce tells executions itself.
const firstWord = 2 * time.Second

// Enforce makes a new state known to all workers, by the register, to the audit log
// and to people. Of a definition that may go on it also tells as many executions as
// it reaches at once, whom it names. Tell reaches all others.
func (a *Activities) Enforce(ctx context.Context, e contract.Enforcement) (contract.Told, error) {
	policy, err := a.proclaim(ctx, e)
	told := contract.Told{Policy: policy}
	if err != nil || e.Do == "" || contract.LedgerHolds(e.Ledger.State) {
		return told, err
	}
	ctx, cancel := context.WithTimeout(ctx, firstWord)
	defer cancel()
	running, err := a.concerned(ctx, e.Ledger)
	if err != nil {
		return told, nil // Tell asks again
	}
	var mu sync.Mutex
	_ = inParallel(running, func(x *workflowpb.WorkflowExecutionInfo) error { // Tell repeats what fails
		id := x.GetExecution().GetWorkflowId()
		err := a.order(ctx, e, id)
		mu.Lock()
		defer mu.Unlock()
		if err == nil && len(told.Executions) < contract.MaxTold {
			told.Executions = append(told.Executions, id)
		}
		return err
	})
	slices.Sort(told.Executions)
	return told, nil
}

// How long executions are given to come to rest without a word to them: firstRest,
// and nextRest again as long as more of them do, at most mostRest in all.
const (
	firstRest = 300 * time.Millisecond
	nextRest  = 150 * time.Millisecond
	mostRest  = 2 * time.Second
)

// stirring are the executions that have to be told, of those that ran when their
// definition was put away. Most need no word: each worker ends their activities as
// soon as it hears of the state, and the errors of these bring the order. A word to
// all at that moment would wake every execution twice, and the workers hear late. A
// few are told at once: they are in nobody's way.
func (a *Activities) stirring(ctx context.Context, l contract.Ledger, running []*workflowpb.WorkflowExecutionInfo) []*workflowpb.WorkflowExecutionInfo {
	ctx, cancel := context.WithTimeout(ctx, mostRest)
	defer cancel()
	rest := firstRest
	for len(running) > tellers {
		select {
		case <-ctx.Done():
			return running
		case <-time.After(rest):
		}
		still, err := a.concerned(ctx, l)
		if err != nil {
			return running
		}
		left := unrested(running, still)
		if len(left) == len(running) {
			return left
		}
		running, rest = left, nextRest
	}
	return running
}

// unrested are those executions that have neither ended nor come to hold since they
// were seen, given all that still run.
func unrested(before, still []*workflowpb.WorkflowExecutionInfo) []*workflowpb.WorkflowExecutionInfo {
	states := map[string]string{}
	for _, x := range still {
		states[x.GetExecution().GetWorkflowId()] = keyword(x, contract.AttributeState)
	}
	return slices.DeleteFunc(slices.Clone(before), func(x *workflowpb.WorkflowExecutionInfo) bool {
		state, runs := states[x.GetExecution().GetWorkflowId()]
		return !runs || state == contract.HeldState && keyword(x, contract.AttributeState) != contract.HeldState
	})
}

// proclaim gives the digest of the policy that it is done under.
func (a *Activities) proclaim(ctx context.Context, e contract.Enforcement) (policy string, err error) {
	l := e.Ledger
	effective, err := a.policy(l.LedgerSummary, last(l.Violations))
	if err != nil {
		return "", err
	}
	kind, notice := audit.Quarantine, Quarantined
	if !contract.LedgerHolds(l.State) {
		kind, notice = audit.Release, Released
	}
	err = a.write(audit.Event{
		Kind: kind, Principal: l.By, Namespace: l.Namespace, Name: l.Name, ID: l.Incident, Subject: contract.LedgerID(l.Namespace, l.Name),
		Outcome: l.State, Count: int64(l.Counted), Policy: effective.PolicyDigest, Message: l.Reason,
	})
	if err != nil {
		return "", err
	}
	signed, err := a.Key.Sign(ForHeld, heldOf(l))
	if err != nil {
		return "", err
	}
	_, err = a.Client.SignalWithStartWorkflow(ctx, contract.RegisterID, contract.HeldSignal, signed, registerOptions(), contract.RegisterWorkflow, contract.Register{})
	if err != nil {
		return "", fmt.Errorf("register of what is held: %w", err)
	}
	a.tell(ctx, Notice{
		Kind: notice, At: l.Since, Summary: l.LedgerSummary, Violations: l.Violations, Reason: l.Reason, By: l.By, Policy: effective,
	})
	return effective.PolicyDigest, nil
}

func last(all []contract.Violation) []contract.Violation { return all[max(0, len(all)-1):] }

// tellers is how many executions are told at the same time.
const tellers = 8

// Tell sees to it that every running execution of the definition, and of its documents
// under other names, knows what becomes of it, and tells the ledgers of their parents'
// and children's definitions what happened. It names all of them as told: those too
// that came to hold by the error of an activity, before a word was sent to them.
func (a *Activities) Tell(ctx context.Context, e contract.Enforcement) (contract.Told, error) {
	running, err := a.concerned(ctx, e.Ledger)
	if err != nil {
		return contract.Told{}, err
	}
	known := map[string]bool{}
	for _, id := range e.Told {
		known[id] = true
	}
	all := running
	running = slices.DeleteFunc(slices.Clone(running), func(x *workflowpb.WorkflowExecutionInfo) bool { return known[x.GetExecution().GetWorkflowId()] })
	stirring := running
	if contract.LedgerHolds(e.Ledger.State) {
		stirring = a.stirring(ctx, e.Ledger, running)
	}
	err = inParallel(stirring, func(x *workflowpb.WorkflowExecutionInfo) error {
		return a.order(ctx, e, x.GetExecution().GetWorkflowId())
	})
	if err != nil {
		return contract.Told{}, err
	}
	told := contract.Told{Executions: e.Told}
	for _, x := range running {
		if len(told.Executions) < contract.MaxTold {
			told.Executions = append(told.Executions, x.GetExecution().GetWorkflowId())
		} else {
			told.More++
		}
	}
	if e.Again {
		all = running // relatives of the others know
	}
	told.Related, err = a.tellRelated(ctx, e.Ledger, all)
	return told, err
}

func (a *Activities) order(ctx context.Context, e contract.Enforcement, execution string) error {
	l := e.Ledger
	signed, err := a.Key.Sign(ForOrder, contract.Order{
		Namespace: l.Namespace, Name: l.Name, Execution: execution, Revision: l.Revision, Do: e.Do, Reason: l.Reason, Incident: l.Incident,
	})
	if err != nil {
		return err
	}
	err = a.Client.SignalWorkflow(ctx, execution, "", contract.QuarantineSignal, signed)
	if ended := (*serviceerror.NotFound)(nil); errors.As(err, &ended) {
		return nil // it has ended meanwhile
	}
	return err
}

// concerned are the running executions of a definition, and of the documents that
// are held with it.
func (a *Activities) concerned(ctx context.Context, l contract.Ledger) ([]*workflowpb.WorkflowExecutionInfo, error) {
	terms := []string{fmt.Sprintf("%s = '%s/%s'", contract.AttributeDefinition, quoted(l.Namespace), quoted(l.Name))}
	for _, digest := range heldOf(l).Digests {
		terms = append(terms, fmt.Sprintf("%s = '%s'", contract.AttributeDigest, quoted(digest)))
	}
	return a.running(ctx, "("+strings.Join(terms, " OR ")+")")
}

func (a *Activities) running(ctx context.Context, query string) ([]*workflowpb.WorkflowExecutionInfo, error) {
	var all []*workflowpb.WorkflowExecutionInfo
	var token []byte
	for {
		page, err := a.Client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			Query: query + " AND ExecutionStatus = 'Running'", PageSize: 500, NextPageToken: token,
		})
		if err != nil {
			return nil, fmt.Errorf("running executions: %w", err)
		}
		all = append(all, page.GetExecutions()...)
		if token = page.GetNextPageToken(); len(token) == 0 {
			return all, nil
		}
	}
}

// quoted keeps a name inside its quotes.
func quoted(text string) string {
	return strings.NewReplacer(`\`, "", "'", "", `"`, "").Replace(text)
}

// maxRelatives bounds the executions whose parents and children are looked for.
const maxRelatives = 50

// tellRelated tells the ledgers of definitions that run this one, or are run by it.
func (a *Activities) tellRelated(ctx context.Context, l contract.Ledger, running []*workflowpb.WorkflowExecutionInfo) ([]string, error) {
	own := l.Namespace + "/" + l.Name
	found := map[string]contract.Related{}
	note := func(x *workflowpb.WorkflowExecutionInfo, relation, through string) {
		if name := definitionOf(x); name != "" && name != own {
			found[name] = contract.Related{
				At: l.Since, Namespace: l.Namespace, Name: l.Name, Relation: relation, State: l.State, Execution: through,
			}
		}
	}
	var ids []string
	for _, x := range running[:min(len(running), maxRelatives)] {
		id := x.GetExecution().GetWorkflowId()
		ids = append(ids, "'"+quoted(id)+"'")
		if parent := x.GetParentExecution(); parent != nil {
			if d, err := a.Client.DescribeWorkflowExecution(ctx, parent.GetWorkflowId(), parent.GetRunId()); err == nil {
				note(d.GetWorkflowExecutionInfo(), "child", id)
			}
		}
	}
	if len(ids) > 0 { // one question: the executions concerned have much to do at this moment
		children, err := a.running(ctx, "ParentWorkflowId IN ("+strings.Join(ids, ", ")+")")
		if err != nil {
			return nil, err
		}
		for _, child := range children {
			note(child, "parent", child.GetParentExecution().GetWorkflowId())
		}
	}
	names := make([]string, 0, len(found))
	for name := range found {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		signed, err := a.Key.Sign(ForRelation, contract.RelatedTo{Of: name, Related: found[name]})
		if err != nil {
			return nil, err
		}
		namespace, short, _ := strings.Cut(name, "/")
		if err := signalLedger(ctx, a.Client, namespace, short, contract.RelatedSignal, signed); err != nil {
			return nil, fmt.Errorf("ledger of %s: %w", name, err)
		}
	}
	return names, nil
}

// inParallel does something to each, and returns the errors.
func inParallel[T any](all []T, do func(T) error) error {
	work := make(chan T)
	var mu sync.Mutex
	var errs []error
	var workers sync.WaitGroup
	for range min(tellers, len(all)) {
		workers.Go(func() {
			for one := range work {
				if err := do(one); err != nil {
					mu.Lock()
					errs = append(errs, err)
					mu.Unlock()
				}
			}
		})
	}
	for _, one := range all {
		work <- one
	}
	close(work)
	workers.Wait()
	return errors.Join(errs...)
}
