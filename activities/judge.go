package activities

import (
	"errors"
	"fmt"
	"slices"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// judgement is what a worker judges by: the policy, and the key of grants.
type judgement struct {
	policies PolicyProvider // nil: level maximum for everything
	key      []byte
}

// judge decides what holds for the program.
func (p *Processes) judge(request contract.Process) (policies.Effective, error) {
	return judgement{p.Policies, p.GrantKey}.of(request.Task, request.Sandbox)
}

// policy is what holds for a task, at the policy's own level.
func (j judgement) policy(task contract.TaskID) (policies.Effective, error) {
	if j.policies == nil {
		return policies.LevelDefaults(policies.Maximum)
	}
	e, err := j.policies.For(task)
	if err != nil {
		return e, refused("policy: " + err.Error())
	}
	return e, nil
}

// of decides what holds for a task's effect (A24: a workflow never lowers its own
// level). A stricter level than the policy's is always granted; a weaker one needs
// a grant made with this install's key, which a definition's metadata never has.
func (j judgement) of(task contract.TaskID, asked contract.Sandbox) (policies.Effective, error) {
	e, err := j.policy(task)
	if err == nil {
		e, err = j.start(e, task, asked)
	}
	if err != nil || asked.Metadata == "" {
		return e, err
	}
	level, err := policies.ParseLevel(asked.Metadata)
	switch {
	case err != nil:
		return e, refused("metadata sandbox.level: " + err.Error())
	case level < e.Level:
		return e, &overreach{level, e, "the definition's metadata asks for it, which entitles to nothing", false}
	}
	return e.At(level), nil
}

// start gives an execution the level that it was started with.
func (j judgement) start(e policies.Effective, task contract.TaskID, asked contract.Sandbox) (policies.Effective, error) {
	if asked.Level == "" {
		return e, nil
	}
	level, err := policies.ParseLevel(asked.Level)
	if err != nil {
		return e, refused(err.Error())
	}
	if level >= e.Level || j.granted(task, asked, level) {
		return e.At(level), nil
	}
	return e, &overreach{level, e, "nothing entitles to it", true}
}

func (j judgement) granted(task contract.TaskID, asked contract.Sandbox, level policies.Level) bool {
	grant := policies.LevelGrant{Execution: task.Execution, Level: level, Digests: asked.Digests}
	return len(j.key) > 0 && slices.Contains(asked.Digests, task.Digest) && grant.Verify(j.key, asked.Grant)
}

// overreach is a weaker level than the policy's that was asked for: a violation
// of type InvalidPermission, and the refusal that goes with it (A24).
type overreach struct {
	asked  policies.Level
	policy policies.Effective
	reason string
	// byStarter: who started the execution asked for it, and not the definition.
	byStarter bool
}

func (o *overreach) Error() string { return o.fault().Error() }

// Unwrap is the refusal that the execution sees.
func (o *overreach) Unwrap() error { return o.fault() }

func (o *overreach) fault() *contract.Fault {
	detail := fmt.Sprintf("level %s is weaker than the policy's %s, and %s; the operator may grant it in the policy (--policy, or --level of the worker)",
		o.asked, o.policy.Level, o.reason)
	if o.policy.Because != "" {
		detail += "; " + o.policy.Because
	}
	f := refused(detail)
	f.Violations = 1
	return f
}

// violation is what the audit log, the metrics and the ledger are told of an
// overreach; nil for any other error.
func overreached(err error, attempt string) *sandbox.Violation {
	o, ok := errors.AsType[*overreach](err)
	if !ok {
		return nil
	}
	return &sandbox.Violation{
		ID: attempt + "/level", Type: sandbox.InvalidPermission, Severity: sandbox.High,
		Detail: fmt.Sprintf("level %s was asked for, the policy has %s", o.asked, o.policy.Level), Count: 1, Action: "refused",
	}
}

func refused(detail string) *contract.Fault {
	return &contract.Fault{Type: contract.Refused, Status: 403, Title: "Refused by policy", Detail: detail}
}
