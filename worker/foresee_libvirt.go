package worker

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"lazaret.dev/lazaret/activities"
	"lazaret.dev/lazaret/activities/checker"
	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/workflows/definition"
)

// libvirt is about an operation and the hosts that it names.
func (f *foresight) libvirt(t *definition.Task, e policies.Effective, body *definition.Libvirt) {
	with, _ := body.With.Written().(map[string]any)
	uri, _ := with["uri"].(string)
	other, _ := with["destination"].(string)
	operation, known := findOperation(func(name string) bool { return name == body.Operation })
	if !known {
		return
	}
	if reason := f.denial(e.Libvirt, policies.LibvirtQuestion{Operation: operation, Caller: "task"}); reason != "" {
		f.refuses(t.Reference+"/call", "operation", f.why.Decider("libvirt"), operationHint(operation),
			"%sthe policy denies the operation %s: %s", of(t), operation.Name, reason)
		return
	}
	for _, host := range []struct{ argument, uri string }{{"uri", uri}, {"destination", other}} {
		if reason := f.denial(e.Libvirt, policies.LibvirtQuestion{Operation: operation, URI: host.uri, Caller: "task"}); host.uri != "" && reason != "" {
			f.refuses(t.Reference+"/with/"+host.argument, "operation", f.why.Decider("libvirt"), "the operator may list the host under libvirt: {uris: …}",
				"%sthe policy denies the operation %s: %s", of(t), operation.Name, reason)
		}
	}
}

// scripted are the operations that a script asks for by their names, of which the
// checker has told.
func (f *foresight) scripted(t *definition.Task, facts checker.Facts) []checker.Finding {
	e := f.at(t)
	var refused []checker.Finding
	for _, found := range facts.Findings {
		function, is := strings.CutPrefix(found.Subject, "lazaret.libvirt.")
		if found.Rule != "script.libvirt" || !is {
			continue
		}
		operation, known := findOperation(func(name string) bool { return activities.OperationFunction(name) == function })
		if !known {
			continue
		}
		if reason := f.denial(e.Libvirt, policies.LibvirtQuestion{Operation: operation, Caller: "script"}); reason != "" {
			found.Rule, found.Hint, found.Response = "policy.operation", operationHint(operation), policies.Refuse
			found.Message = fmt.Sprintf("the policy denies the operation %s: %s (%s)", operation.Name, reason, f.why.Decider("libvirt"))
			refused = append(refused, found)
		}
	}
	return refused
}

func findOperation(fits func(string) bool) (policies.LibvirtOperation, bool) {
	all := activities.LibvirtOperations()
	i := slices.IndexFunc(all, func(o policies.LibvirtOperation) bool { return fits(o.Name) })
	if i < 0 {
		return policies.LibvirtOperation{}, false
	}
	return all[i], true
}

// denial is why the policy denies; empty, if it does not. Who starts the execution is
// not known yet: where that matters, the policy is asked as if it were one whom it knows.
func (f *foresight) denial(l policies.Libvirt, q policies.LibvirtQuestion) string {
	if l.ForPrincipals() {
		l.AuthRequired = false
	}
	q.Definition, q.Now = f.name(), time.Now()
	q.Who = policies.LibvirtCaller{Digest: f.identity.Digest, Signature: f.identity.Signature}
	return l.Judge(q).Reason
}

func operationHint(o policies.LibvirtOperation) string {
	section := "libvirt: {allowed_operations: …}"
	if o.Dangerous {
		section = "libvirt: {dangerous: {allowed_operations: …}}"
	}
	return "the operator may list it under " + section
}
