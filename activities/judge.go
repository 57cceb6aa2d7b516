package activities

import (
	"fmt"
	"slices"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/policies"
)

// judgement is what a worker judges by: its own level, and the key of grants.
type judgement struct {
	level policies.Level
	key   []byte
}

// judge decides at which level the program runs.
func (p *Processes) judge(request contract.Process) (policies.Level, error) {
	return judgement{p.Level, p.GrantKey}.of(request.Task, request.Sandbox)
}

// of decides at which level a task's effect happens (A24: a workflow never lowers
// its own). A stricter level than the worker's is always granted; a weaker one
// needs a grant made with this install's key.
func (j judgement) of(task contract.TaskID, asked contract.Sandbox) (policies.Level, error) {
	if asked.Level == "" {
		return j.level, nil
	}
	level, err := policies.ParseLevel(asked.Level)
	if err != nil {
		return j.level, refused(err.Error())
	}
	if level >= j.level || j.granted(task, asked, level) {
		return level, nil
	}
	return j.level, refused(fmt.Sprintf(
		"level %s is weaker than this worker's %s, and nothing entitles to it; the operator may start the worker with --level %s",
		level, j.level, level))
}

func (j judgement) granted(task contract.TaskID, asked contract.Sandbox, level policies.Level) bool {
	grant := policies.LevelGrant{Execution: task.Execution, Level: level, Digests: asked.Digests}
	return len(j.key) > 0 && slices.Contains(asked.Digests, task.Digest) && grant.Verify(j.key, asked.Grant)
}

func refused(detail string) *contract.Fault {
	return &contract.Fault{Type: contract.Refused, Status: 403, Title: "Refused by policy", Detail: detail}
}
