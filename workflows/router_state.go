package workflows

import (
	"slices"

	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
)

// Bounds of what the router keeps, and carries when it continues as new.
const (
	maxSubscriptions = 2000
	maxRemembered    = 4096 // events by which duplicates are known
	maxRecorded      = 200  // rejections
)

// routerState is what the router carries from run to run.
type routerState struct {
	Subscriptions []*subscription      `json:"subscriptions,omitempty"` // in the order in which they came
	Seen          []string             `json:"seen,omitempty"`          // of the last events accepted, the newest last
	Windows       map[string]*window   `json:"windows,omitempty"`
	Rejected      []contract.Rejection `json:"rejected,omitempty"` // the newest last
	RejectedAll   int                  `json:"rejectedAll,omitempty"`
	Accepted      int                  `json:"accepted,omitempty"`
	Duplicates    int                  `json:"duplicates,omitempty"`
	Delivered     int                  `json:"delivered,omitempty"`
}

// subscription is a listening execution, and what was delivered to it that no
// listen has taken yet.
type subscription struct {
	contract.Subscription
	Waiting      int `json:"waiting,omitempty"`
	WaitingBytes int `json:"waitingBytes,omitempty"`
	// Early are of those that the execution has yet to call taken, and that wait no
	// more all the same: they were rejected on receipt.
	Early contract.Taken `json:"early,omitzero"`
}

// free makes room for what the execution says is taken, but what has none any more.
func (s *subscription) free(taken contract.Taken) {
	events, bytes := min(s.Early.Events, taken.Events), min(s.Early.Bytes, taken.Bytes)
	s.Early.Events, s.Early.Bytes = s.Early.Events-events, s.Early.Bytes-bytes
	s.Waiting = max(0, s.Waiting-taken.Events+events)
	s.WaitingBytes = max(0, s.WaitingBytes-taken.Bytes+bytes)
}

// unwanted makes room at once for an event that was rejected on receipt.
func (s *routerState) unwanted(one contract.Rejection) {
	if of := s.find(one.Execution); of != nil {
		of.Waiting, of.WaitingBytes = max(0, of.Waiting-1), max(0, of.WaitingBytes-one.Bytes)
		of.Early.Events, of.Early.Bytes = of.Early.Events+1, of.Early.Bytes+one.Bytes
	}
}

// window counts events since its start.
type window struct {
	Start int64 `json:"start"` // Unix milliseconds
	End   int64 `json:"end"`
	Count int   `json:"count"`
}

func (w *window) has(rate contract.Rate) bool { return w.Count < rate.Limit }

// window is the one of a rate's key at a moment.
func (s *routerState) window(rate contract.Rate, moment int64) *window {
	if s.Windows == nil {
		s.Windows = map[string]*window{}
	}
	w := s.Windows[rate.Key]
	if w == nil || moment >= w.Start+rate.WindowMillis {
		w = &window{Start: moment, End: moment + rate.WindowMillis}
		s.Windows[rate.Key] = w
	}
	return w
}

// forget drops the windows that have ended.
func (s *routerState) forget(moment int64) {
	for _, key := range workflow.DeterministicKeys(s.Windows) {
		if s.Windows[key].End <= moment {
			delete(s.Windows, key)
		}
	}
}

func (s *routerState) find(execution string) *subscription {
	at := slices.IndexFunc(s.Subscriptions, func(one *subscription) bool { return one.Execution == execution })
	if at < 0 {
		return nil
	}
	return s.Subscriptions[at]
}

func (s *routerState) remove(execution string) {
	s.Subscriptions = slices.DeleteFunc(s.Subscriptions, func(one *subscription) bool { return one.Execution == execution })
}

func (s *routerState) record(one contract.Rejection) {
	s.RejectedAll++
	s.Rejected = append(s.Rejected, one)
	if len(s.Rejected) > maxRecorded {
		s.Rejected = slices.Clone(s.Rejected[len(s.Rejected)-maxRecorded:])
	}
}

func (s *routerState) report() contract.EventsReport {
	report := contract.EventsReport{
		Accepted: s.Accepted, Duplicates: s.Duplicates, Delivered: s.Delivered, RejectedAll: s.RejectedAll,
		Rejected: slices.Clone(s.Rejected),
	}
	for _, one := range s.Subscriptions {
		report.Listeners = append(report.Listeners, contract.ListenerInfo{
			Execution: one.Execution, Identity: one.Identity, Waiting: one.Waiting, Queue: one.Queue,
		})
	}
	return report
}

func (r *router) prepare() {
	r.seen = map[string]bool{}
	for _, key := range r.state.Seen {
		r.seen[key] = true
	}
}

// remember keeps an event's key within the bound.
func (r *router) remember(key string) {
	r.seen[key] = true
	r.state.Seen = append(r.state.Seen, key)
	if over := len(r.state.Seen) - maxRemembered; over > 0 {
		for _, old := range r.state.Seen[:over] {
			delete(r.seen, old)
		}
		r.state.Seen = slices.Clone(r.state.Seen[over:])
	}
}
