package activities

import (
	"cmp"
	"fmt"
	"time"

	"lazaret.dev/lazaret/activities/audit"
	"lazaret.dev/lazaret/activities/virt"
	"lazaret.dev/lazaret/policies"
)

// LibvirtOperations are all operations, as policies know them.
func LibvirtOperations() []policies.LibvirtOperation {
	all := virt.Operations()
	known := make([]policies.LibvirtOperation, len(all))
	for i, o := range all {
		known[i] = libvirtOperation(o)
	}
	return known
}

func libvirtOperation(o virt.Operation) policies.LibvirtOperation {
	return policies.LibvirtOperation{Name: o.Name, Changes: o.Changes, Dangerous: o.Danger == virt.Dangerous, Default: o.Default}
}

// NewLibvirtBroker puts a policy and an audit log around a driver.
func NewLibvirtBroker(driver virt.Driver, policy policies.Libvirt, log Auditor) *virt.Broker {
	return &virt.Broker{Driver: driver, Judge: judgeLibvirt(policy), Audit: libvirtAudit{log}}
}

func judgeLibvirt(policy policies.Libvirt) virt.Judge {
	return func(q virt.Question) virt.Verdict {
		v := policy.Judge(policies.LibvirtQuestion{
			Operation: libvirtOperation(q.Operation), URI: q.URI, Other: q.Arguments.Text("destination"),
			Hostdev: q.Hostdev, Definition: q.Identity.Definition, Caller: q.Identity.Caller,
			Guest: q.Arguments.Text("name"), ByUUID: q.Arguments.Has("uuid"),
			Who: whoAsks(q.Identity), Now: time.Now(),
		})
		return virt.Verdict{
			Allowed: v.Allowed, Unauthorized: v.Unauthorized, Who: v.Who, Reason: v.Reason, URI: v.URI, ReadOnly: v.ReadOnly, Approval: v.Approval, ApprovalWithin: policy.ApprovalWithin,
			Timeout: policy.Timeout, Limits: virt.Limits{Concurrent: policy.Concurrent, PerMinute: policy.PerMinute},
		}
	}
}

func whoAsks(id virt.Identity) policies.LibvirtCaller {
	caller := policies.LibvirtCaller{Digest: id.Digest, Signature: id.Signature, Principal: id.Principal}
	if id.Caller == "cli" {
		caller.User = id.User
	}
	return caller
}

// libvirtAudit writes the broker's records into the audit log.
type libvirtAudit struct{ log Auditor }

var libvirtKinds = map[virt.Event]audit.Kind{
	virt.EventStarted: audit.Operation, virt.EventExecuted: audit.Operation, virt.EventDenied: audit.Denied,
	virt.EventUnauthorized: audit.Unauth,
	virt.EventAwaits:       audit.Operation, virt.EventRejected: audit.Operation,
	virt.EventLimited: audit.RateLimit, virt.EventBusy: audit.Concurrent,
}

// Record writes one line.
func (a libvirtAudit) Record(r virt.Record) error {
	event := audit.Event{
		Kind: libvirtKinds[r.Event], Principal: cmp.Or(r.Client.User, r.Who), Execution: r.Client.Execution, Task: r.Client.Task,
		ID: r.Key, Type: "libvirt." + r.Operation, Subject: r.Subject(), Outcome: outcome(r), Message: r.Message, Policy: r.Policy,
		Detail: map[string]string{"uri": r.URI, "caller": r.Client.Caller},
	}
	event.Namespace, event.Name = r.Client.Names()
	if r.Took > 0 {
		event.Detail["seconds"] = fmt.Sprintf("%.3f", r.Took)
	}
	if a := r.Approval; a != nil {
		event.Detail["approval.reviewer"], event.Detail["approval.reason"], event.Detail["approval.digest"] = oneLine(a.Reviewer, 256), oneLine(a.Reason, 256), oneLine(a.Digest, 64)
	}
	for name, value := range r.Arguments {
		event.Detail["with."+name] = fmt.Sprint(value)
	}
	_, err := a.log.Append(event)
	return err
}

func outcome(r virt.Record) string {
	switch {
	case r.Event == virt.EventStarted:
		return "begin"
	case r.Event == virt.EventAwaits:
		return "awaits approval"
	case r.Event == virt.EventRejected:
		return "rejected"
	case r.Success:
		return "completed"
	}
	return string(r.Code)
}
