package activities

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/virt"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// Libvirt are the activities libvirt.<operation>. The fields are set before the
// first activity; the methods are safe for concurrent use.
type Libvirt struct {
	Broker *virt.Broker
	// Policies tell what each definition may; nil: the broker's own judge decides.
	Policies PolicyProvider
	// Filer files what the policy denies; nil files nothing.
	Filer Filer
	// Starters tell whom Temporal let start an execution; nil: nobody.
	Starters *Starters
	// Grace is how long an operation may go on once the worker is stopping.
	Grace time.Duration
}

// Register adds an activity for each operation to a worker.
func (l *Libvirt) Register(r worker.ActivityRegistry) {
	for _, o := range virt.Operations() {
		r.RegisterActivityWithOptions(l.Execute, activity.RegisterOptions{Name: contract.LibvirtPrefix + o.Name})
	}
}

// maxLost is how often an operation is asked for again after its answer got lost:
// for some twenty seconds, in which a daemon that died has been started again.
const maxLost = 8

// Execute carries one operation out. It is safe to run again: the broker is told
// that it may have taken effect, and which guest it was about.
func (l *Libvirt) Execute(ctx context.Context, request contract.Libvirt) (contract.LibvirtResult, error) {
	info := activity.GetInfo(ctx)
	arguments, err := decodeArguments(request.With)
	if err != nil {
		return contract.LibvirtResult{}, failure(err)
	}
	judge, policy, err := l.judge(request.Task)
	if err != nil {
		return contract.LibvirtResult{}, failure(err)
	}
	identity, err := l.Starters.identity(ctx, request.Task, policy, "task", info.WorkflowExecution)
	if err != nil {
		return contract.LibvirtResult{}, err
	}
	pulse := newPulse(ctx)
	watched, release := pulse.watch(ctx, l.Grace)
	result, err := l.Broker.Call(watched, virt.Request{
		Judge: judge, Policy: policy.PolicyDigest,
		Operation: request.Operation, Arguments: arguments, URI: request.URI,
		Identity: identity,
		Key:      activityOf(ctx),
		Retry:    info.Attempt > 1, Resolved: pulse.last.Resolved,
		Approval: approvalOf(request.Approval),
		Progress: pulse.progress,
	})
	interrupted := context.Cause(watched)
	release()
	switch {
	case err == nil:
		return bounded(result, policy.PolicyDigest)
	case interrupted != nil:
		return contract.LibvirtResult{}, interrupted
	}
	e := virt.AsError(err)
	if e.Awaiting != nil {
		return contract.LibvirtResult{}, awaits(request, e)
	}
	if e.Code == virt.Unreachable && (e.Lost || info.Attempt > 1) && info.Attempt < maxLost {
		return contract.LibvirtResult{}, temporal.NewApplicationError(e.Message, contract.LibvirtLost)
	}
	fault := LibvirtFault(request.Operation, e)
	if e.Code == virt.Denied && !e.Rejected { // what a person refused is nobody's offence
		return contract.LibvirtResult{}, failure(filing{filer: l.Filer, task: request.Task, policy: policy}.refused(ctx, fault, sandbox.Medium))
	}
	return contract.LibvirtResult{}, failure(fault)
}

func approvalOf(a *contract.LibvirtApproval) *virt.Approval {
	if a == nil {
		return nil
	}
	return &virt.Approval{Asked: a.Asked, Digest: a.Digest, Reviewer: a.Reviewer, Reason: a.Reason, Rejected: a.Rejected}
}

// awaits tells the workflow what a person has to decide about.
func awaits(request contract.Libvirt, e *virt.Error) error {
	a := e.Awaiting
	with, err := json.Marshal(a.Arguments)
	if err != nil {
		return err
	}
	return temporal.NewApplicationErrorWithOptions(e.Message, contract.LibvirtAwaits, temporal.ApplicationErrorOptions{
		NonRetryable: true,
		Category:     temporal.ApplicationErrorCategoryBenign,
		Details: []any{contract.Approvable{
			Task: request.Task.Reference, Operation: a.Operation, URI: a.URI, With: with, Danger: string(a.Danger),
			Digest: a.Digest, Asked: a.Asked, Within: a.Within,
		}},
	})
}

// judge is how the policy of the definition whose task it is decides, and that policy.
func (l *Libvirt) judge(task contract.TaskID) (virt.Judge, policies.Effective, error) {
	if l.Policies == nil {
		return nil, policies.Effective{}, nil
	}
	policy, err := judgement{policies: l.Policies}.policy(task)
	if err != nil {
		return nil, policies.Effective{}, err
	}
	return judgeLibvirt(policy.Libvirt), policy, nil
}

func decodeArguments(with json.RawMessage) (map[string]any, error) {
	arguments := map[string]any{}
	decoder := json.NewDecoder(bytes.NewReader(with))
	decoder.UseNumber()
	if len(with) == 0 {
		return arguments, nil
	}
	if err := decoder.Decode(&arguments); err != nil {
		return nil, &contract.Fault{Type: contract.ValidationError, Status: 400, Title: "Invalid libvirt operation", Detail: "with is no object"}
	}
	return arguments, nil
}

func bounded(result json.RawMessage, policy string) (contract.LibvirtResult, error) {
	if len(result) > contract.MaxPayload {
		return contract.LibvirtResult{}, failure(runtimeFault("the result is %d bytes of JSON, over the limit of %d", len(result), contract.MaxPayload))
	}
	return contract.LibvirtResult{Result: result, Policy: policy}, nil
}

// pulse is an operation's heartbeats, with the newest progress as their detail.
type pulse struct {
	mu   sync.Mutex
	last contract.LibvirtProgress
	beat func(contract.LibvirtProgress)
}

// newPulse begins with what an earlier attempt knew last.
func newPulse(ctx context.Context) *pulse {
	p := &pulse{beat: func(d contract.LibvirtProgress) { activity.RecordHeartbeat(ctx, d) }}
	if activity.HasHeartbeatDetails(ctx) {
		_ = activity.GetHeartbeatDetails(ctx, &p.last) // an unreadable one is none
	}
	return p
}

// progress keeps what is told. Which guest it is about goes out at once: before
// anything is done to it.
func (p *pulse) progress(told virt.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last.Text, p.last.Percent = told.Text, told.Percent
	if told.Resolved != "" {
		p.last.Resolved = told.Resolved
		p.beat(p.last)
	}
}

func (p *pulse) now() contract.LibvirtProgress {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

// watch beats, and ends the returned context as Processes.watch does.
func (p *pulse) watch(ctx context.Context, grace time.Duration) (watched context.Context, release func()) {
	watched, cancel := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(heartbeatEvery)
		defer ticker.Stop()
		stopping := activity.GetWorkerStopChannel(ctx)
		var over <-chan time.Time
		for {
			select {
			case <-watched.Done():
				return
			case <-ticker.C:
				p.beat(p.now())
			case <-stopping:
				stopping, over = nil, time.After(grace)
			case <-over:
				cancel(errWorkerStopped)
			}
		}
	}()
	return watched, func() { cancel(nil); <-ended }
}
