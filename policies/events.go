package policies

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// EventRules say who may send which events to whom. What no rule permits is
// rejected (A33). The zero EventRules permit nothing.
type EventRules struct {
	// Rate bounds each sender. The lifecycle of executions is not bounded by it:
	// how much there is to tell is the operator's own doing.
	Rate EventRate
	// MaxSize bounds an event in the JSON format, in bytes.
	MaxSize int
	// Queue bounds how many events wait for one execution to listen.
	Queue int
	Rules []EventRule
	// Filters look at what the rules permit.
	Filters []EventFilter
	Sinks   []EventSink
}

// Defaults of EventRules.
const (
	DefaultEventLimit  = 100
	DefaultEventWindow = time.Second
	DefaultEventSize   = 256 << 10
	DefaultEventQueue  = 1000
)

// Bounds of EventRules.
const (
	MaxEventSize  = 1 << 20 // Temporal's payload limit, with headroom for what travels beside it
	MaxEventQueue = 10_000
)

// EventRate is how many events may be sent within a window. The zero EventRate
// has no limit.
type EventRate struct {
	Limit  int
	Window time.Duration
}

// EventRule permits events of some types from some senders to some targets.
// Senders and targets are patterns of namespace/name, in which * stands for any
// part of a name; @cli is a sender too.
type EventRule struct {
	Name           string
	Source, Target string
	Types          []string  // exact, or ending in ".*"; "*" with Unsafe alone
	Priority       int       // of 0 to 9; what waits is taken the highest first
	MaxSize        int       // bytes; 0: the rules' own
	Rate           EventRate // of each sender under this rule
	Unsafe         bool
	Disabled       bool
}

// EventSink is where events go over HTTP: what a rule permits to nobody else may
// go there, if the sink names its sender and type.
type EventSink struct {
	Name     string
	URL      string
	Source   string   // as in a rule
	Types    []string // as in a rule
	Binary   bool     // the mode; structured otherwise
	Hosts    []string // rules of addresses that are not public, as --private-network takes them
	TokenEnv string   // the environment variable of the worker that holds a bearer token
	Unsafe   bool
}

// Target is the sink's identity.
func (s EventSink) Target() string { return "@sink/" + s.Name }

// route is its name among a sender's routes.
func (s EventSink) route() string { return "sink " + s.Name }

// The checks in their order (A38). The first that fails rejects. Rate is first
// and Queue last, and both are for the router to count.
const (
	RateCheck  = "rate"
	RuleCheck  = "rule"
	TypeCheck  = "type"
	SizeCheck  = "size"
	QueueCheck = "queue"
)

// EventVerdict is what the rules say; an empty check accepts.
type EventVerdict struct{ Check, Detail string }

// EventRoute is a rule from one sender, and what it says of one event.
type EventRoute struct {
	Rule     string
	Target   string
	Priority int
	Verdict  EventVerdict
}

// EventCount is a limit that an event counts towards; events with the same key
// are counted together.
type EventCount struct {
	Key  string
	Rate EventRate
}

// EventJudgement is what the rules say of one event on sending.
type EventJudgement struct {
	Verdict EventVerdict
	Counts  []EventCount
	Routes  []EventRoute
}

// lifecycleSender is exempt from the general rate.
const lifecycleSender = "@lifecycle"

// Lifecycle says of what the rules let executions tell: of themselves, of their
// tasks too. Where both are false, there is nobody to tell.
func (r EventRules) Lifecycle() (workflows, tasks bool) {
	permits := func(family, exact string) bool {
		for _, route := range r.routes(lifecycleSender) {
			if slices.ContainsFunc(route.Types, func(pattern string) bool {
				return strings.HasPrefix(pattern, family) || strings.HasSuffix(pattern, "*") && route.permitsType(exact)
			}) {
				return true
			}
		}
		return false
	}
	tasks = permits("io.serverlessworkflow.task.", "io.serverlessworkflow.task.started.v1")
	return tasks || permits("io.serverlessworkflow.workflow.", "io.serverlessworkflow.workflow.started.v1"), tasks
}

// Lists tells whether a rule or sink of the sender has the type by its whole name.
func (r EventRules) Lists(sender, eventType string) bool {
	return slices.ContainsFunc(r.routes(sender), func(rule EventRule) bool { return slices.Contains(rule.Types, eventType) })
}

// routes are the rules of a sender, and its sinks as rules.
func (r EventRules) routes(sender string) []EventRule {
	var all []EventRule
	for _, rule := range r.Rules {
		if !rule.Disabled && matchesIdentity(rule.Source, sender) {
			all = append(all, rule)
		}
	}
	for _, sink := range r.Sinks {
		if matchesIdentity(sink.Source, sender) {
			all = append(all, EventRule{Name: sink.route(), Target: sink.Target(), Types: sink.Types, Unsafe: sink.Unsafe})
		}
	}
	return all
}

// Judge says where an event of that type and size may go. Its content is not
// looked at.
func (r EventRules) Judge(sender, eventType string, size int) EventJudgement {
	var j EventJudgement
	if r.Rate.Limit > 0 && sender != lifecycleSender {
		j.Counts = append(j.Counts, EventCount{Key: sender, Rate: r.Rate})
	}
	for _, rule := range r.routes(sender) {
		verdict := rule.judge(r, eventType, size)
		if rule.Rate.Limit > 0 && verdict.Check == "" {
			j.Counts = append(j.Counts, EventCount{Key: sender + " " + rule.Name, Rate: rule.Rate})
		}
		j.Routes = append(j.Routes, EventRoute{rule.Name, rule.Target, rule.Priority, verdict})
	}
	j.Verdict = best(j.Routes, func() EventVerdict {
		return EventVerdict{RuleCheck, fmt.Sprintf("no rule permits %s to send events", sender)}
	})
	return j
}

// JudgeReceipt says whether a target may receive an event: the rules may be
// others than when it was sent.
func (r EventRules) JudgeReceipt(sender, target, eventType string, size int) EventVerdict {
	var routes []EventRoute
	for _, route := range r.Judge(sender, eventType, size).Routes {
		if matchesIdentity(route.Target, target) {
			routes = append(routes, route)
		}
	}
	return best(routes, func() EventVerdict {
		return EventVerdict{RuleCheck, fmt.Sprintf("no rule permits %s to send events to %s", sender, target)}
	})
}

// best is the verdict of the route that gets furthest in the order of checks.
func best(routes []EventRoute, none func() EventVerdict) EventVerdict {
	order := []string{RuleCheck, TypeCheck, SizeCheck, ""}
	var verdict EventVerdict
	far := -1
	for _, route := range routes {
		if at := slices.Index(order, route.Verdict.Check); at > far {
			verdict, far = route.Verdict, at
		}
	}
	if far < 0 {
		return none()
	}
	return verdict
}

func (rule EventRule) judge(r EventRules, eventType string, size int) EventVerdict {
	if !rule.permitsType(eventType) {
		return EventVerdict{TypeCheck, fmt.Sprintf("%s does not permit type %q", rule.Name, clip(eventType))}
	}
	limit := rule.MaxSize
	if limit == 0 {
		limit = r.MaxSize
	}
	if size > limit {
		return EventVerdict{SizeCheck, fmt.Sprintf("%d bytes, over the limit of %d (%s)", size, limit, rule.Name)}
	}
	return EventVerdict{}
}

func (rule EventRule) permitsType(eventType string) bool {
	return slices.ContainsFunc(rule.Types, func(pattern string) bool {
		if pattern == "*" {
			return rule.Unsafe
		}
		family, isFamily := strings.CutSuffix(pattern, "*")
		return pattern == eventType || isFamily && strings.HasPrefix(eventType, family) && len(eventType) > len(family)
	})
}

func matchesIdentity(pattern, identity string) bool {
	ok, err := path.Match(pattern, identity)
	return err == nil && ok
}

// clip bounds what messages quote of an event.
func clip(text string) string {
	const limit = 100
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + "…"
}

// Broad says which rules permit more than most installations need (A32).
func (r EventRules) Broad() []string {
	var found []string
	const manyTypes = 20
	for _, rule := range r.Rules {
		switch {
		case slices.Contains(rule.Types, "*"):
			found = append(found, rule.Name+": permits every type")
		case len(rule.Types) > manyTypes:
			found = append(found, fmt.Sprintf("%s: permits more than %d types", rule.Name, manyTypes))
		}
		for _, side := range []string{rule.Source, rule.Target} {
			if strings.HasPrefix(side, "*") {
				found = append(found, fmt.Sprintf("%s: %q stands for every namespace", rule.Name, side))
			}
		}
	}
	return found
}
