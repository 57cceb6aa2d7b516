package contract

// State is what the state query answers: where an execution stands.
type State struct {
	Definition string      `json:"definition"`     // namespace/name:version
	Status     string      `json:"status"`         // running, held, awaiting approval, completed, faulted, cancelled
	Held       string      `json:"held,omitempty"` // why it holds
	Tasks      []TaskState `json:"tasks"`          // in document order
	Fault      *Fault      `json:"fault,omitempty"`
	// Approvals are what waits for a person.
	Approvals []Approvable `json:"approvals,omitempty"`
}

// TaskState is one task's progress.
type TaskState struct {
	Reference string `json:"reference"`
	Name      string `json:"name"`
	Kind      string `json:"kind"`
	Depth     int    `json:"depth"`
	Status    string `json:"status"`          // pending, running, awaiting approval, completed, skipped, faulted, cancelled, not reached; describe also has terminated and timedout
	Runs      int    `json:"runs,omitempty"`  // how often it was started
	Order     int    `json:"order,omitempty"` // which of the execution's starts its last one was, from 1
	Item      int    `json:"item,omitempty"`  // for: items begun
	Items     int    `json:"items,omitempty"` // for: items in all
	Retry     int    `json:"retry,omitempty"` // try: retries begun
	// Degraded are the features of the sandbox that the last program ran without,
	// with commas.
	Degraded string `json:"degraded,omitempty"`
}

// NotReached is the state of a task that its execution ended without: one of a
// block catch that caught nothing, or behind what ended it.
const NotReached = "not reached"

// Ended gives the tasks of an execution that has ended the state for it.
func Ended(tasks []TaskState) {
	for i := range tasks {
		if tasks[i].Status == "pending" {
			tasks[i].Status = NotReached
		}
	}
}
