package contract

// Alert is a grave violation of a program that still runs, as its activity's
// heartbeat tells it. What exactly was tried is in the worker's log alone: Temporal
// may write a heartbeat into history.
type Alert struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Severity string `json:"severity"` // High or Critical
	Syscall  string `json:"syscall,omitempty"`
}
