package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows/definition"
)

// keepEventSchedule is the entity that starts a definition by its schedule.on:
// it receives what the router delivers to the definition, and starts one
// execution for each complete set of events. Whatever changes it, it goes on as
// a new run.
func keepEventSchedule(ctx workflow.Context, carried *startsState) error {
	s := &starts{state: carried}
	if s.state == nil {
		s.state = &startsState{}
	}
	if err := s.answer(ctx); err != nil {
		return err
	}
	if s.state.Applied.Document != "" {
		if err := s.open(ctx); err != nil && !s.turning(ctx) {
			return failure(err)
		}
	}
	for !s.turning(ctx) {
		if err := s.step(ctx); err != nil {
			return err
		}
	}
	if err := workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) }); err != nil {
		return err
	}
	s.mailbox.close(ctx)
	if s.deleted || s.state.Paused {
		s.mailbox.leave(ctx)
	}
	if s.deleted {
		return nil
	}
	return workflow.NewContinueAsNewError(ctx, contract.EventSchedule, s.state)
}

// starts is one run of the entity.
type starts struct {
	state   *startsState
	def     *definition.Definition
	own     listenTask
	mailbox *mailbox // nil while it is paused
	pace    pace
	changed bool // goes on as a new run
	deleted bool
}

// startsState is what the entity carries from run to run.
type startsState struct {
	Applied contract.AppliedSchedule `json:"applied"`
	Paused  bool                     `json:"paused,omitempty"`
	Note    string                   `json:"note,omitempty"`
	Inbox   *inbox                   `json:"inbox,omitempty"`
	Renew   bool                     `json:"renew,omitempty"` // the subscription
	Sets    []*eventSet              `json:"sets,omitempty"`  // begun, the oldest first
	Started int                      `json:"started,omitempty"`
	Dropped int                      `json:"dropped,omitempty"`
	Error   string                   `json:"error,omitempty"`
	Recent  []contract.EventStart    `json:"recent,omitempty"` // the newest last
}

// scheduleReference is where in a document its events stand.
const scheduleReference = "/schedule/on"

// open begins to receive, unless the schedule is paused.
func (s *starts) open(ctx workflow.Context) error {
	def, err := definitions.load(s.state.Applied.Source)
	if err != nil {
		return err
	}
	s.def = def
	s.own = listenTask{scheduleReference, def.StartOn}
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("starts %s:%s by events; %d started", TypeName(def.Document), def.Document.Version, s.state.Started))
	if s.state.Paused {
		return nil
	}
	m := newMailbox([]listenTask{s.own}, &s.state.Inbox, s.perform)
	m.renew, s.state.Renew = s.state.Renew, false
	m.begin(s.own)
	if err := m.open(ctx, s.taskID(ctx)); err != nil {
		return err
	}
	s.mailbox = m
	return nil
}

// heldFor is how long what a worker refuses because the definition is in quarantine
// waits for the next attempt, at first and at most.
const (
	heldFor     = 10 * time.Second
	heldForMost = 10 * time.Minute
)

// perform executes an activity. What a worker refuses because the definition is in
// quarantine is tried again, less and less often: events wait meanwhile.
func (s *starts) perform(ctx workflow.Context, activity string, request, result any) error {
	for pause := heldFor; ; pause = min(2*pause, heldForMost) {
		err := workflow.ExecuteActivity(ctx, activity, request).Get(ctx, result)
		if !refusedAsHeld(err) || s.turning(ctx) {
			return err
		}
		if _, err := workflow.AwaitWithTimeout(ctx, pause, func() bool { return s.turning(ctx) }); err != nil {
			return err
		}
	}
}

func (s *starts) taskID(ctx workflow.Context) contract.TaskID {
	doc := s.def.Document
	return contract.TaskID{
		Namespace: doc.Namespace, Name: doc.Name, Version: doc.Version, Digest: s.def.Digest,
		Reference: scheduleReference, Execution: workflow.GetInfo(ctx).WorkflowExecution.ID,
	}
}

// turning tells whether this run is to end.
func (s *starts) turning(ctx workflow.Context) bool {
	return s.changed || s.deleted || workflow.GetInfo(ctx).GetContinueAsNewSuggested()
}

// step waits for something to do, and looks at one event.
func (s *starts) step(ctx workflow.Context) error {
	var next *waiting
	err := workflow.Await(ctx, func() bool {
		if s.mailbox != nil && s.state.Inbox != nil {
			next = s.state.Inbox.next(s.own)
		}
		return next != nil || s.turning(ctx) || s.mailbox != nil && s.mailbox.failed != nil
	})
	switch {
	case err != nil:
		return err
	case s.turning(ctx):
		return nil // what is unread is kept
	case s.mailbox != nil && s.mailbox.failed != nil:
		return failure(s.mailbox.failed)
	case next == nil:
		return nil
	}
	if err := s.pace.breathe(ctx); err != nil {
		return err
	}
	taken, err := s.look(ctx, next)
	s.mailbox.settle(ctx, next, s.own, taken)
	return err
}

// answer registers what the entity answers to.
func (s *starts) answer(ctx workflow.Context) error {
	err := workflow.SetQueryHandlerWithOptions(ctx, contract.ScheduleQuery, func() (contract.EventScheduleInfo, error) { return s.info(), nil },
		workflow.QueryHandlerOptions{Description: "what the schedule starts, and has started"})
	if err != nil {
		return err
	}
	err = workflow.SetUpdateHandlerWithOptions(ctx, contract.ApplySchedule, s.apply, workflow.UpdateHandlerOptions{
		Validator: checkApplied, Description: "start this document from now on",
	})
	if err != nil {
		return err
	}
	return s.answerControl(ctx)
}

// answerControl registers what people do with a schedule.
func (s *starts) answerControl(ctx workflow.Context) error {
	for _, control := range []struct {
		name string
		act  func(note string)
	}{
		{contract.PauseSchedule, func(note string) { s.pause(true, note) }},
		{contract.ResumeSchedule, func(note string) { s.pause(false, note) }},
		{contract.DeleteSchedule, func(string) { s.deleted = true }},
	} {
		err := workflow.SetUpdateHandler(ctx, control.name, func(_ workflow.Context, note string) error {
			control.act(note)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// pause stops what is delivered, or has it delivered again. Sets that have begun
// stay.
func (s *starts) pause(paused bool, note string) {
	if s.state.Note = note; s.state.Paused != paused {
		s.state.Paused, s.state.Renew, s.changed = paused, !paused, true
	}
}

// checkApplied refuses what no event starts.
func checkApplied(a contract.AppliedSchedule) error {
	def, err := definitions.load(a.Source)
	if err != nil {
		return failure(err)
	}
	if def.StartOn == nil {
		return refusal("%s has no schedule.on", TypeName(def.Document))
	}
	return nil
}

// apply replaces the document. What is paused stays so; sets that another
// document had begun are given up.
func (s *starts) apply(ctx workflow.Context, a contract.AppliedSchedule) (contract.EventScheduleInfo, error) {
	result := "updated"
	switch s.state.Applied.Digest {
	case a.Digest:
		result = "unchanged"
	case "":
		result, s.state.Note = "created", a.Note
	}
	if result != "unchanged" {
		if begun := len(s.state.Sets); begun > 0 {
			s.drop(ctx, begun, "another document was applied")
		}
		s.state.Applied, s.state.Renew, s.changed = a, true, true
	}
	info := s.info()
	info.Result = result
	return info, nil
}

func (s *starts) info() contract.EventScheduleInfo {
	info := contract.EventScheduleInfo{
		Digest: s.state.Applied.Digest, Paused: s.state.Paused, Note: s.state.Note,
		Listening: s.mailbox != nil && s.mailbox.failed == nil && !s.changed,
		Started:   s.state.Started, Begun: len(s.state.Sets), Dropped: s.state.Dropped, LastError: s.state.Error, Recent: s.state.Recent,
	}
	if def, err := definitions.load(s.state.Applied.Source); err == nil {
		info.Definition, info.Version = TypeName(def.Document), def.Document.Version
	}
	return info
}
