package definition

import (
	"slices"
	"time"
)

// policyKeys are those of document.metadata.schedule: Temporal's own names.
var policyKeys = []string{
	"overlapPolicy", "catchupWindow", "pauseOnFailure", "jitter", "timezoneName", "startTime", "endTime", "input",
}

// minCatchup is the least that Temporal has for a catch-up window.
const minCatchup = 10 * time.Second

// schedule reads the schedule and, from the metadata, how it is kept. A
// document without a schedule may have any metadata.
func (c *checker) schedule(schedule, policy cursor) *Schedule {
	if !schedule.exists() {
		return nil
	}
	c.warn(schedule, "schedule.manual", "lazaret schedule apply applies it", "running the definition does not apply its schedule")
	if read := schedule.get("read"); read.exists() && !schedule.get("on").exists() {
		c.report(read, "schedule.read", "schedule.read needs schedule.on: it says how its events are read")
	}
	s := &Schedule{Events: schedule.get("on").exists()}
	if cron := schedule.get("cron"); cron.exists() {
		s.Cron = cron.str()
		if _, err := ParseCron(s.Cron); err != nil && cron.is(stringNode) {
			c.reportHint(cron, "schedule.cron", "five fields: minute hour day-of-month month day-of-week", "cron %q: %s", preview(s.Cron), err)
		}
	}
	s.Every, s.After = c.interval(schedule.get("every")), c.interval(schedule.get("after"))
	c.oneKind(schedule)
	c.policy(s, schedule, policy)
	return s
}

// interval is a time between starts, which Temporal counts in seconds.
func (c *checker) interval(cur cursor) time.Duration {
	if !cur.exists() {
		return 0
	}
	before := len(c.findings)
	d := c.duration(cur, workflowInputScope)
	switch {
	case len(c.findings) > before:
	case d.Dynamic != nil:
		c.report(cur, "schedule.interval", "a schedule is the same for all executions: write the duration out")
	case d.Fixed < time.Second:
		c.report(cur, "schedule.interval", "a schedule needs a second at least between its starts, not %s", d.Fixed)
	case d.Fixed%time.Second != 0:
		c.report(cur, "schedule.interval", "a schedule counts in whole seconds, not %s", d.Fixed)
	}
	return d.Fixed
}

// oneKind holds that a schedule says one thing.
func (c *checker) oneKind(schedule cursor) {
	var first string
	for i := range schedule.members() {
		m := &schedule.node.members[i]
		switch {
		case m.key == "read":
		case first == "":
			first = m.key
		default:
			c.report(schedule.member(m), "schedule.kinds", "a schedule has one of every, cron, after and on; this one has %s already", first)
		}
	}
	if first == "" {
		c.report(schedule, "schedule.kinds", "a schedule has one of every, cron, after and on")
	}
}

// policy reads document.metadata.schedule.
func (c *checker) policy(s *Schedule, schedule, policy cursor) {
	if !policy.exists() {
		return
	}
	if !policy.is(objectNode) {
		c.report(policy, "schedule.policy", "metadata.schedule says how the schedule is kept: an object, not %s", policy.node.kind)
		return
	}
	if schedule.get("on").exists() && len(policy.members()) > 0 {
		c.report(policy, "schedule.policy", "metadata.schedule means nothing with on: each set of events starts an execution at once, and is its input")
		return
	}
	for i := range policy.members() {
		m := &policy.node.members[i]
		if !contains(policyKeys, m.key) {
			c.reportHint(policy.member(m), "schedule.policy", didYouMean(m.key, policyKeys),
				"metadata.schedule has no %q; it has %s", preview(m.key), quotedList(policyKeys))
		}
	}
	s.Overlap = c.overlap(schedule, policy.get("overlapPolicy"))
	s.CatchupWindow = c.catchupWindow(policy.get("catchupWindow"))
	s.PauseOnFailure = c.yesNo(policy.get("pauseOnFailure"))
	if jitter := policy.get("jitter"); jitter.exists() {
		s.Jitter = c.metadataDuration(jitter)
	}
	s.TimeZone = c.timeZone(schedule, policy.get("timezoneName"))
	s.StartAt, s.EndAt = c.moment(policy.get("startTime")), c.moment(policy.get("endTime"))
	if end := policy.get("endTime"); !s.EndAt.IsZero() && s.EndAt.Before(s.StartAt) {
		c.report(end, "schedule.policy", "endTime is before startTime")
	}
	s.Input = policy.get("input").raw
	if s.PauseIsLost() {
		c.warn(policy.get("pauseOnFailure"), "schedule.pause", PauseLostHint, PauseLost)
	}
}

// PauseLost is what is wrong where [Schedule.PauseIsLost], and PauseLostHint the remedy. A
// definition with it goes on to run; it is not applied.
const (
	PauseLost     = "pauseOnFailure means nothing with the overlap policy AllowAll: Temporal does not wait for how executions end"
	PauseLostHint = "write overlapPolicy: Skip, or BufferOne; every has AllowAll unless it is written"
)

func (c *checker) overlap(schedule, cur cursor) Overlap {
	if !cur.exists() {
		return ""
	}
	if !slices.Contains(Overlaps, cur.str()) {
		c.reportHint(cur, "schedule.policy", didYouMean(cur.str(), Overlaps), "overlapPolicy is one of %s", quotedList(Overlaps))
	}
	if schedule.get("after").exists() {
		c.report(cur, "schedule.policy", "overlapPolicy means nothing with after: one execution ends before the next begins")
	}
	return Overlap(cur.str())
}

func (c *checker) catchupWindow(cur cursor) *time.Duration {
	if !cur.exists() {
		return nil
	}
	window := c.metadataDuration(cur)
	if window < minCatchup {
		c.report(cur, "schedule.policy", "catchupWindow is at least %s", minCatchup)
	}
	return &window
}

// metadataDuration reads a duration where the schema asks for nothing.
func (c *checker) metadataDuration(cur cursor) time.Duration {
	if !cur.is(stringNode) && !cur.is(objectNode) {
		c.report(cur, "schedule.policy", "%s is a duration, such as PT1H, not %s", lastToken(cur), cur.node.kind)
		return 0
	}
	for i := range cur.members() {
		m := &cur.node.members[i]
		if !isDurationPart(m.key) {
			c.report(cur.member(m), "schedule.policy", "a duration has no %q", preview(m.key))
		}
	}
	d := c.duration(cur, workflowInputScope)
	if d.Dynamic != nil {
		c.report(cur, "schedule.interval", "a schedule is the same for all executions: write the duration out")
	}
	return d.Fixed
}

func isDurationPart(name string) bool {
	for _, part := range durationParts {
		if part.name == name {
			return true
		}
	}
	return false
}

func (c *checker) yesNo(cur cursor) bool {
	if cur.exists() && !cur.is(boolNode) {
		c.report(cur, "schedule.policy", "%s is true or false, not %s", lastToken(cur), cur.node.kind)
	}
	return cur.flag(false)
}

// timeZone is a name; which names there are, depends on the server's machine.
func (c *checker) timeZone(schedule, cur cursor) string {
	if cur.exists() && (!cur.is(stringNode) || cur.str() == "") {
		c.report(cur, "schedule.policy", "timezoneName is a name such as Europe/Berlin")
	}
	if cur.exists() && !schedule.get("cron").exists() {
		c.report(cur, "schedule.policy", "timezoneName means nothing without cron: an interval is as long everywhere")
	}
	return cur.str()
}

func (c *checker) moment(cur cursor) time.Time {
	if !cur.exists() {
		return time.Time{}
	}
	moment, err := time.Parse(time.RFC3339, cur.str())
	if err != nil {
		c.report(cur, "schedule.policy", "%s is a moment such as 2026-12-01T00:00:00Z", lastToken(cur))
	}
	return moment
}

// lastToken is the name of the property that a cursor stands at.
func lastToken(cur cursor) string {
	tokens := splitPointer(cur.ref)
	return tokens[len(tokens)-1]
}
