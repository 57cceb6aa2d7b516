package worker

import (
	"fmt"

	"lazaret.dev/lazaret/policies"
	"lazaret.dev/lazaret/workflows/definition"
)

// emits is about an event whose type is written out.
func (f *foresight) emits(t *definition.Task, body *definition.Emit) {
	event, _ := body.Event.Written().(map[string]any)
	eventType, ok := event["type"].(string)
	if !ok {
		return
	}
	if verdict, route := f.events().JudgeSender(f.name(), eventType); verdict.Check != "" {
		f.refuses(t.Reference+"/emit/event/with/type", "event", f.policy.EventDecider(route), eventHint(verdict, "source", f.name(), eventType),
			"%sthe policy does not let this definition send events of type %q: %s", of(t), eventType, verdict.Detail)
	}
}

// listens is about events that could never come.
func (f *foresight) listens(who, pointer string, s definition.Strategy) {
	for i, filter := range s.Filters {
		at := fmt.Sprintf("%s/%s/%d", pointer, s.Mix, i)
		if s.Mix == definition.One {
			at = pointer + "/one"
		}
		f.listensFor(who, at+"/with/type", writtenType(filter))
	}
	if len(s.Filters) == 0 {
		f.listensFor(who, pointer, "")
	}
	if s.UntilEvents != nil {
		f.listens(who, pointer+"/until", *s.UntilEvents)
	}
}

func (f *foresight) listensFor(who, pointer, eventType string) {
	verdict, route := f.events().JudgeListener(f.name(), eventType)
	if verdict.Check == "" {
		return
	}
	what := "any event"
	if eventType != "" {
		what = fmt.Sprintf("events of type %q from anybody", eventType)
	}
	f.refuses(pointer, "event", f.policy.EventDecider(route), eventHint(verdict, "target", f.name(), eventType),
		"%sthe policy does not let this definition receive %s: %s", who, what, verdict.Detail)
}

// writtenType is the type that a filter asks for; empty, if that is a pattern, is
// computed, or is not asked for.
func writtenType(filter definition.EventFilter) string {
	for _, a := range filter.With {
		if text, ok := a.Literal.(string); ok && a.Name == "type" && a.Value == nil && a.Pattern == nil {
			return text
		}
	}
	return ""
}

func eventHint(v policies.EventVerdict, side, name, eventType string) string {
	if v.Check == policies.TypeCheck {
		return fmt.Sprintf("the operator may add %q to the rule's types", eventType)
	}
	return fmt.Sprintf("the operator may add a rule under events whose %s is %s", side, name)
}

// events are the policy's rules; without any, nothing is permitted.
func (f *foresight) events() policies.EventRules {
	if f.policy.Events == nil {
		return policies.EventRules{}
	}
	return *f.policy.Events
}

func (f *foresight) name() string { return f.identity.Namespace + "/" + f.identity.Name }
