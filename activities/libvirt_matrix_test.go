package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"lazaret.dev/lazaret/activities/audit"
	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/activities/virt"
	"lazaret.dev/lazaret/activities/virt/channel"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/sandbox"
)

// listed is a policy of the matrix, and what it allows where it does not only read.
type listed struct {
	policy policies.Libvirt
	allows func(virt.Operation) bool
}

var matrixHosts = []string{"qemu:///system", "qemu+tls://b/system"}

func matrix() map[string]listed {
	operations := LibvirtOperations()
	var names []string
	for _, o := range operations {
		names = append(names, o.Name)
	}
	all := policies.LibvirtDangerous{Acknowledged: true, Allow: names}
	power := []string{"domain.start", "domain.stop"}
	return map[string]listed{
		"default":          {policies.DefaultLibvirt(operations), func(o virt.Operation) bool { return o.Default }},
		"nothing":          {policies.Libvirt{URIs: matrixHosts}, func(virt.Operation) bool { return false }},
		"no host":          {policies.Libvirt{Allow: names, Dangerous: all}, func(virt.Operation) bool { return false }},
		"all, no danger":   {policies.Libvirt{URIs: matrixHosts, Allow: names}, func(o virt.Operation) bool { return o.Danger != virt.Dangerous }},
		"not acknowledged": {policies.Libvirt{URIs: matrixHosts, Dangerous: policies.LibvirtDangerous{Allow: names}}, func(virt.Operation) bool { return false }},
		"danger alone":     {policies.Libvirt{URIs: matrixHosts, Dangerous: all}, func(o virt.Operation) bool { return o.Danger == virt.Dangerous }},
		"everything":       {policies.Libvirt{URIs: matrixHosts, Allow: names, Dangerous: all}, func(virt.Operation) bool { return true }},
		"C13":              {policies.Libvirt{URIs: matrixHosts, Allow: power}, func(o virt.Operation) bool { return slices.Contains(power, o.Name) }},
	}
}

// counter is a ledger that counts what is filed.
type counter struct{ filed []contract.Violation }

func (c *counter) Tell(_ context.Context, report contract.ViolationReport) error {
	c.filed = append(c.filed, report.Violations...)
	return nil
}

func (c *counter) File(ctx context.Context, report contract.ViolationReport) (*contract.Order, error) {
	return nil, c.Tell(ctx, report)
}

// cell is one place of the matrix: an operation, asked for by a task or a script,
// under what holds for its definition.
type cell struct {
	libvirt  *Libvirt
	policies FixedPolicy
	driver   *recordingDriver
	log      *lines
	ledger   *counter
	reported []sandbox.Violation
	asks     contract.TaskID
	refusal  audit.Kind
	counted  int
}

func newCell(policy policies.Libvirt, level policies.Level) *cell {
	c := &cell{driver: &recordingDriver{}, log: &lines{}, ledger: &counter{}, asks: matrixTask, refusal: audit.Denied}
	c.policies = FixedPolicy{policies.Single("matrix", level, func(e *policies.Effective) { e.Libvirt = policy })}
	broker := NewLibvirtBroker(c.driver, policies.Libvirt{}, c.log) // which alone allows nothing
	broker.Denied = func(virt.Request, *virt.Error) { c.counted++ }
	c.libvirt = &Libvirt{Broker: broker, Policies: c.policies, Filer: c.ledger}
	return c
}

var matrixTask = contract.TaskID{Namespace: "ops", Name: "fleet", Execution: "e", Reference: "/do/0/ask"}

// task asks as the activity does, and returns the DSL's status of the failure; 0: none.
func (c *cell) task(t *testing.T, env *testsuite.TestActivityEnvironment, o virt.Operation) int {
	t.Helper()
	with, err := json.Marshal(sample(o))
	require.NoError(t, err)
	request := contract.Libvirt{Task: c.asks, Operation: o.Name, With: with}
	_, err = env.ExecuteActivity(c.libvirt.Execute, request)
	if err == nil {
		return 0
	}
	var application *temporal.ApplicationError
	require.ErrorAs(t, err, &application)
	var fault contract.Fault
	require.NoError(t, application.Details(&fault))
	return fault.Status
}

// script asks as a script does.
func (c *cell) script(t *testing.T, o virt.Operation) int {
	t.Helper()
	policy, err := c.policies.For(c.asks)
	require.NoError(t, err)
	m := (&ScriptMachines{Broker: c.libvirt.Broker}).under(policy)
	caller := &scriptCaller{
		broker: m.Broker, judge: m.judge, policy: m.policy, task: c.asks, asked: map[string]int{},
		report: func(v sandbox.Violation) { c.reported = append(c.reported, v) },
	}
	_, fault := caller.call(t.Context(), channel.Request{Operation: o.Name, With: sample(o)})
	if fault == nil {
		return 0
	}
	return fault.(*contract.Fault).Status
}

// Every operation, at every level, read-only or not, under every allow-list, asked
// for by a task and by a script: allowed exactly where documented; each denial is
// recorded once and counted once (C01, C05, C08, C12, C13, C14). The level decides
// nothing here: it is about programs on the worker.
func TestLibvirtPolicyMatrix(t *testing.T) {
	cells := 0
	for name, listed := range matrix() {
		for _, readOnly := range []bool{false, true} {
			for _, level := range policies.Levels() {
				policy := listed.policy
				policy.ReadOnly = readOnly
				policy.Timeout, policy.Concurrent = time.Second, 1
				env := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
				c := newCell(policy, level)
				env.RegisterActivity(c.libvirt.Execute)
				for _, o := range virt.Operations() {
					where := fmt.Sprintf("%s, %s, readonly %t, at %s", o.Name, name, readOnly, level)
					allowed := listed.allows(o) && (!readOnly || !o.Changes)
					c.reset()
					c.require(t, where+", task", o, c.task(t, env, o), allowed, readOnly)
					c.requireFiled(t, where, allowed, level)
					c.reset()
					c.require(t, where+", script", o, c.script(t, o), allowed, readOnly)
					require.Len(t, c.reported, denials(allowed), where)
					cells += 2
				}
			}
		}
	}
	require.Equal(t, 2*2*4*len(matrix())*len(virt.Operations()), cells)
}

func (c *cell) reset() {
	c.driver.calls, c.log.kinds, c.ledger.filed, c.reported, c.counted = nil, nil, nil, nil, 0
}

func denials(allowed bool) int {
	if allowed {
		return 0
	}
	return 1
}

func (c *cell) require(t *testing.T, where string, o virt.Operation, status int, allowed, readOnly bool) {
	t.Helper()
	require.Equal(t, denials(allowed), c.counted, where)
	if !allowed {
		require.Equal(t, 403, status, where)
		require.Equal(t, []audit.Kind{c.refusal}, c.log.kinds, where)
		require.Empty(t, c.driver.calls, where)
		return
	}
	require.Zero(t, status, where)
	require.Equal(t, []audit.Kind{audit.Operation, audit.Operation}, c.log.kinds, where)
	require.Len(t, c.driver.calls, 1, where)
	require.Equal(t, !o.Changes && (!o.Privileged || readOnly), c.driver.calls[0].ReadOnly, where)
}

// requireFiled requires that the ledger has a task's denial once, with the level.
func (c *cell) requireFiled(t *testing.T, where string, allowed bool, level policies.Level) {
	t.Helper()
	require.Len(t, c.ledger.filed, denials(allowed), where)
	for _, v := range c.ledger.filed {
		require.Equal(t, string(sandbox.InvalidPermission), v.Type, where)
		require.Equal(t, level.String(), v.Level, where)
		require.Equal(t, 1, v.Count, where)
	}
}

// What needs an approval is no denial for a task, which waits, and is one for a
// script, which cannot; at every level (C14).
func TestLibvirtPolicyMatrix_Approval(t *testing.T) {
	var names []string
	for _, o := range virt.Operations() {
		names = append(names, o.Name)
	}
	policy := policies.Libvirt{
		URIs: matrixHosts, Allow: names, Approval: names, Dangerous: policies.LibvirtDangerous{Acknowledged: true, Allow: names},
		Timeout: time.Second, Concurrent: 1, ApprovalWithin: time.Hour,
	}
	for _, level := range policies.Levels() {
		c := newCell(policy, level)
		env := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
		env.RegisterActivity(c.libvirt.Execute)
		for _, o := range virt.Operations() {
			c.reset()
			with, err := json.Marshal(sample(o))
			require.NoError(t, err)
			_, err = env.ExecuteActivity(c.libvirt.Execute, contract.Libvirt{Task: matrixTask, Operation: o.Name, With: with})
			require.ErrorContains(t, err, contract.LibvirtAwaits, o.Name)
			require.Equal(t, []audit.Kind{audit.Operation}, c.log.kinds, o.Name)
			require.Zero(t, c.counted+len(c.ledger.filed)+len(c.driver.calls), o.Name)
			c.requireRejection(t, env, o, err)
			c.reset()
			require.Equal(t, 403, c.script(t, o), o.Name)
			require.Equal(t, []audit.Kind{audit.Denied}, c.log.kinds, o.Name)
			require.Equal(t, []int{1, 1, 0}, []int{c.counted, len(c.reported), len(c.driver.calls)}, o.Name)
		}
	}
}

// requireRejection: what a person refuses fails with 403, is recorded once, and is
// no violation.
func (c *cell) requireRejection(t *testing.T, env *testsuite.TestActivityEnvironment, o virt.Operation, awaits error) {
	t.Helper()
	var application *temporal.ApplicationError
	require.ErrorAs(t, awaits, &application)
	var asked contract.Approvable
	require.NoError(t, application.Details(&asked))
	c.reset()
	_, err := env.ExecuteActivity(c.libvirt.Execute, contract.Libvirt{
		Task: matrixTask, Operation: o.Name, With: asked.With,
		Approval: &contract.LibvirtApproval{Digest: asked.Digest, Asked: asked.Asked, Reviewer: "ada", Reason: "no", Rejected: true},
	})
	require.ErrorContains(t, err, "was rejected by ada: no", o.Name)
	require.Equal(t, []audit.Kind{audit.Operation}, c.log.kinds, o.Name)
	require.Zero(t, c.counted+len(c.ledger.filed)+len(c.driver.calls), o.Name)
}
