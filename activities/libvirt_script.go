package activities

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"sync"

	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/virt"
	"lazaret.dev/lazaret/activities/virt/channel"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// ScriptMachines lets Python scripts ask the libvirt broker for operations. The
// fields are set before the first activity.
type ScriptMachines struct {
	Broker *virt.Broker
	// Grants says whether the policy allows scripts of a definition (namespace/name)
	// any operation; without one they have no way to the broker at all. Nil: what holds
	// for the definition decides, for this and for each operation.
	Grants func(definition string) bool

	// Starters tell whom Temporal let start an execution; nil: nobody.
	Starters *Starters

	judge  virt.Judge         // nil: the broker's
	policy policies.Effective // what judge decides by
}

// under leaves the decisions to what holds for a definition, where nothing else
// decides. The nil ScriptMachines stays nil.
func (m *ScriptMachines) under(policy policies.Effective) *ScriptMachines {
	if m == nil || m.Grants != nil {
		return m
	}
	operations := LibvirtOperations()
	return &ScriptMachines{
		Broker: m.Broker, Starters: m.Starters, judge: judgeLibvirt(policy.Libvirt), policy: policy,
		Grants: func(definition string) bool { return policy.Libvirt.Grants(definition, "script", operations) },
	}
}

// serve gives a script its way to the broker, if the policy grants it anything.
// The nil ScriptMachines gives none.
func (m *ScriptMachines) serve(spec *sandbox.Spec, request contract.Process, run workflow.Execution, activity string, again bool) {
	if m == nil || request.Language != "python" || !m.Grants(definitionOf(request.Task)) {
		return
	}
	i := slices.IndexFunc(spec.Files, func(f sandbox.File) bool { return f.Path == pythonModule })
	if i < 0 {
		return
	}
	spec.Files = slices.Clone(spec.Files)
	spec.Files[i].Content = moduleFor(true)
	spec.Service = func(ctx context.Context, conn net.Conn, report func(sandbox.Violation)) {
		caller := &scriptCaller{broker: m.Broker, starters: m.Starters, judge: m.judge, policy: m.policy, task: request.Task, run: run, activity: activity, again: again, report: report, asked: map[string]int{}}
		channel.Server{Call: caller.call, Breach: caller.breach}.Serve(ctx, conn)
	}
}

func definitionOf(task contract.TaskID) string { return task.Namespace + "/" + task.Name }

// scriptCaller asks the broker on behalf of one run of a script.
type scriptCaller struct {
	broker   *virt.Broker
	starters *Starters
	judge    virt.Judge
	policy   policies.Effective
	task     contract.TaskID
	run      workflow.Execution
	activity string // the same for all attempts
	again    bool   // an earlier attempt may have asked for the same
	report   func(sandbox.Violation)

	mu    sync.Mutex
	asked map[string]int // how often, by digest of what
}

// call carries one request out, as Libvirt.Execute does for a task.
func (c *scriptCaller) call(ctx context.Context, asked channel.Request) (json.RawMessage, any) {
	identity, err := c.starters.identity(ctx, c.task, c.policy, "script", c.run)
	if err != nil {
		return nil, LibvirtFault(asked.Operation, virt.Errorf(virt.Failed, "%v", err))
	}
	request := virt.Request{
		Operation: asked.Operation, Arguments: asked.With, URI: asked.URI,
		Identity: identity,
		Key:      c.key(asked), Retry: c.again, Judge: c.judge, Policy: c.policy.PolicyDigest,
	}
	for attempt := 1; ; attempt++ {
		result, err := c.broker.Call(ctx, request)
		if err == nil {
			return fitting(result)
		}
		e := virt.AsError(err)
		if e.Lost && e.Code == virt.Unreachable && attempt < maxLost && ctx.Err() == nil {
			request.Retry = true
			continue
		}
		if e.Code == virt.Denied {
			c.report(sandbox.Violation{Type: sandbox.InvalidPermission, Severity: denialSeverity(asked.Operation), Detail: oneLine("libvirt: "+e.Message, 200), Action: "denied"})
		}
		return nil, LibvirtFault(asked.Operation, e)
	}
}

func fitting(result json.RawMessage) (json.RawMessage, any) {
	if len(result) > contract.MaxPayload {
		return nil, runtimeFault("the result is %d bytes of JSON, over the limit of %d", len(result), contract.MaxPayload)
	}
	return result, nil
}

// key names a request so that a script that runs again, after its worker was lost,
// changes nothing twice: by what is asked for, and the how manieth of its like it is.
func (c *scriptCaller) key(asked channel.Request) string {
	text, err := json.Marshal([]any{asked.Operation, asked.URI, asked.With})
	if err != nil {
		panic("BUG: a decoded request cannot be encoded: " + err.Error())
	}
	sum := sha256.Sum256(text)
	digest := hex.EncodeToString(sum[:8])
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked[digest]++
	return fmt.Sprintf("%s/script/%s/%d", c.activity, digest, c.asked[digest])
}

// denialSeverity weighs an attempt by what it would have been.
func denialSeverity(operation string) sandbox.Severity {
	if o, ok := virt.Find(operation); ok && o.Danger == virt.Dangerous {
		return sandbox.High
	}
	return sandbox.Medium
}

// breach is bytes on the connection that the module would never send.
func (c *scriptCaller) breach(why string) {
	c.report(sandbox.Violation{Type: sandbox.InvalidPermission, Severity: sandbox.High, Detail: "service: " + why, Action: "closed"})
}
