package worker

import (
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"lazaret.dev/lazaret/activities/contract"
	"lazaret.dev/lazaret/workflows"
	"lazaret.dev/lazaret/workflows/definition"
)

// overlaps are Temporal's policies by the names that definitions use.
var overlaps = map[definition.Overlap]enumspb.ScheduleOverlapPolicy{
	definition.Skip:           enumspb.SCHEDULE_OVERLAP_POLICY_SKIP,
	definition.BufferOne:      enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE,
	definition.BufferAll:      enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL,
	definition.CancelOther:    enumspb.SCHEDULE_OVERLAP_POLICY_CANCEL_OTHER,
	definition.TerminateOther: enumspb.SCHEDULE_OVERLAP_POLICY_TERMINATE_OTHER,
	definition.AllowAll:       enumspb.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL,
}

func overlapNames() []string { return definition.Overlaps }

// scheduleOf is a definition's schedule as Temporal keeps it.
func scheduleOf(b *bundle, input []byte) client.ScheduleOptions {
	s := b.def.Schedule
	return client.ScheduleOptions{
		ID:             scheduleID(b.def.Document.Namespace, b.def.Document.Name),
		Spec:           scheduleSpec(s),
		Action:         scheduleAction(b, input),
		Overlap:        overlaps[s.OverlapPolicy()],
		CatchupWindow:  catchupOf(s),
		PauseOnFailure: s.PauseOnFailure,
		// After a delay there has to be a first execution.
		TriggerImmediately:    s.After > 0,
		TypedSearchAttributes: workflows.SearchAttributes(b.def, ""),
	}
}

// scheduleSpec is when. With after, the schedule ticks at the delay: while an
// execution and its delay pass, which is never shorter, one start is buffered.
func scheduleSpec(s *definition.Schedule) client.ScheduleSpec {
	spec := client.ScheduleSpec{StartAt: s.StartAt, EndAt: s.EndAt, Jitter: s.Jitter, TimeZoneName: s.TimeZone}
	if every := max(s.Every, s.After); every > 0 {
		spec.Intervals = []client.ScheduleIntervalSpec{{Every: every}}
		return spec
	}
	calendars, _ := definition.ParseCron(s.Cron) // checked with the definition
	for _, c := range calendars {
		spec.Calendars = append(spec.Calendars, client.ScheduleCalendarSpec{
			Minute: ranges(c.Minutes), Hour: ranges(c.Hours), DayOfMonth: ranges(c.Days), Month: ranges(c.Months), DayOfWeek: ranges(c.Weekdays),
			Comment: s.Cron,
		})
	}
	return spec
}

// ranges joins neighbours of a sorted list.
func ranges(values []int) []client.ScheduleRange {
	var all []client.ScheduleRange
	for _, v := range values {
		if last := len(all) - 1; last >= 0 && all[last].End == v-1 {
			all[last].End = v
			continue
		}
		all = append(all, client.ScheduleRange{Start: v, End: v})
	}
	return all
}

// catchupOf is the window written. Otherwise what an outage missed of a calendar
// is made up for a year; of an interval, only the last.
func catchupOf(s *definition.Schedule) time.Duration {
	switch {
	case s.CatchupWindow != nil:
		return *s.CatchupWindow
	case s.Cron != "":
		return 365 * 24 * time.Hour
	}
	return max(s.Every, s.After, time.Minute)
}

// scheduleAction starts the document that was applied, and no other.
func scheduleAction(b *bundle, input []byte) *client.ScheduleWorkflowAction {
	doc := b.def.Document
	start := contract.Start{Published: contract.PublishedRef{Version: doc.Version, Digest: b.def.Digest}, Input: input}
	action := &client.ScheduleWorkflowAction{
		ID:            scheduleID(doc.Namespace, doc.Name),
		TaskQueue:     contract.TaskQueue,
		StaticSummary: summaryOf(doc),
		StaticDetails: "Started by schedule `" + scheduleID(doc.Namespace, doc.Name) + "`: " + describeSpec(b.def.Schedule),
	}
	if after := b.def.Schedule.After; after > 0 {
		action.Workflow = contract.After
		action.Args = []any{contract.Repetition{Type: workflows.TypeName(doc), Start: start, Delay: after}}
		return action
	}
	action.Workflow, action.Args = workflows.TypeName(doc), []any{start}
	action.TypedSearchAttributes = workflows.SearchAttributes(b.def, "")
	return action
}

// describeSpec is a schedule in words.
func describeSpec(s *definition.Schedule) string {
	var b strings.Builder
	switch {
	case s.Events:
		return byEvents
	case s.Cron != "":
		zone := s.TimeZone
		if zone == "" {
			zone = "UTC"
		}
		fmt.Fprintf(&b, "cron %s %s", s.Cron, zone)
	case s.Every > 0:
		fmt.Fprintf(&b, "every %s", s.Every)
	case s.After > 0:
		fmt.Fprintf(&b, "%s after the end of the one before", s.After)
	}
	if s.Jitter > 0 {
		fmt.Fprintf(&b, ", jitter %s", s.Jitter)
	}
	return b.String()
}
