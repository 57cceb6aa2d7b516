package activities

import (
	"fmt"
	"slices"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
)

// judge decides at which level the program runs (A24: a workflow never lowers
// its own). A stricter level than the worker's is always granted; a weaker one
// needs a grant made with this install's key.
func (p *Processes) judge(request contract.Process) (policies.Level, error) {
	if request.Sandbox.Level == "" {
		return p.Level, nil
	}
	level, err := policies.ParseLevel(request.Sandbox.Level)
	if err != nil {
		return p.Level, refused(err.Error())
	}
	if level >= p.Level || p.granted(request, level) {
		return level, nil
	}
	return p.Level, refused(fmt.Sprintf(
		"level %s is weaker than this worker's %s, and nothing entitles to it; the operator may start the worker with --level %s",
		level, p.Level, level))
}

func (p *Processes) granted(request contract.Process, level policies.Level) bool {
	s := request.Sandbox
	grant := policies.LevelGrant{Execution: request.Task.Execution, Level: level, Digests: s.Digests}
	return len(p.GrantKey) > 0 && slices.Contains(s.Digests, request.Task.Digest) && grant.Verify(p.GrantKey, s.Grant)
}

func refused(detail string) *contract.Fault {
	return &contract.Fault{Type: contract.Refused, Status: 403, Title: "Refused by policy", Detail: detail}
}
