package policies

import "slices"

// Decider says which line of the document decides a setting of the definition, in
// words: "calls: reports at policy.yaml:5:13".
func (x Explanation) Decider(key string) string {
	i := slices.IndexFunc(x.Settings, func(o Origin) bool { return o.Setting == key })
	if i < 0 {
		return x.File
	}
	text := key + ": " + x.Settings[i].Text
	if x.Settings[i].By != "" {
		return text
	}
	switch {
	case x.Because != "":
		return text + "; " + x.Because
	case x.Rule != "":
		return text + ", which rule " + x.ruleAt() + " leaves as it is"
	}
	return text
}

func (x Explanation) ruleAt() string {
	return x.Rule + " at " + (&Policy{File: x.File}).at(place{x.Line, x.Column})
}

// EventDecider says which line decides what is said of events by a rule or sink,
// as a verdict's route names it, or by none.
func (p *Policy) EventDecider(rule string) string {
	at, known := p.eventsAt[rule]
	switch {
	case p.Events == nil:
		return p.File + " has no section events"
	case known && rule != "":
		return "events: " + rule + " at " + p.at(at)
	}
	return "events at " + p.at(p.eventsAt[""])
}

// JudgeSender is the verdict on an event that a definition emits, as far as its type
// goes, with the route that decides; empty: no route is the definition's.
func (r EventRules) JudgeSender(sender, eventType string) (v EventVerdict, route string) {
	j := r.Judge(sender, eventType, 0)
	return j.Verdict, decisive(j.Routes, j.Verdict)
}

// JudgeListener says whether a definition may receive events of a type from anybody
// at all; an empty type stands for any. What it says is known before anything is sent.
func (r EventRules) JudgeListener(target, eventType string) (v EventVerdict, route string) {
	var routes []EventRoute
	for _, rule := range r.Rules {
		if rule.Disabled || !matchesIdentity(rule.Target, target) {
			continue
		}
		route := EventRoute{Rule: rule.Name, Target: rule.Target}
		if eventType != "" {
			route.Verdict = rule.judge(r, eventType, 0)
		}
		routes = append(routes, route)
	}
	v = best(routes, func() EventVerdict {
		return EventVerdict{RuleCheck, "no rule permits anybody to send events to " + target}
	})
	return v, decisive(routes, v)
}

func decisive(routes []EventRoute, v EventVerdict) string {
	i := slices.IndexFunc(routes, func(r EventRoute) bool { return r.Verdict == v })
	if i < 0 {
		return ""
	}
	return routes[i].Rule
}
