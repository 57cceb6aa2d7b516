package worker

import (
	"strings"

	"lazaret.dev/lazaret/activities/contract"
)

// inner are the workflows that lazaret keeps for itself, by type, with what they do.
var inner = map[string]string{
	contract.EventRouter:       "takes events and delivers them, by the operator's rules",
	contract.EventSchedule:     "starts a definition when the events of its schedule.on come",
	contract.WatchMachines:     "watches the guests of a libvirt host, for events",
	contract.LedgerWorkflow:    "keeps a definition's violations, quarantine and incidents",
	contract.RegisterWorkflow:  "knows which definitions are in quarantine, for all workers",
	contract.DefinitionIndex:   "knows the versions of a published definition",
	contract.DefinitionVersion: "holds one version of a published definition",
	contract.AuditAnchor:       "keeps the heads of an audit log, which prove that nothing was cut off",
	contract.Send:              "hands an event from outside to the router",
	contract.Delayed:           "keeps an event back for a while",
	contract.Sink:              "brings an event to a sink",
	contract.After:             "runs a definition once, and then waits as its schedule says",
	contract.Detached:          "waits for a process whose task did not (await: false)",
}

// innerAbout says what an execution is that is none of a definition, by its type, and
// so has no tasks; empty: it is one.
func innerAbout(workflowType string) string {
	if does, ok := inner[workflowType]; ok {
		return "lazaret's own, which " + does
	}
	if !strings.Contains(workflowType, "/") {
		return "not lazaret's: no execution of a definition"
	}
	return ""
}
